"""One bot for most of these tests, in a session-wide event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from model.text.tokenizer import Tokenizer
from tests.bot.adapters.discord.houses import ADMIN, House, house
from tests.conftest import CHARACTERS, save_tiny

# A checkpoint with these characters writes marks of Markdown frequently.
MARKED = Tokenizer(
    ("cervantes", "galdos"), "".join(sorted(set(CHARACTERS + "*_~|<>#@/\\[]+&%$=€")))
)


@pytest.fixture(scope="session")
def marked_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which write every mark of Markdown."""
    folder = tmp_path_factory.mktemp("marked")
    save_tiny(folder / "tiny", seed=0, tokenizer=MARKED)
    save_tiny(folder / "otro", seed=1, tokenizer=MARKED)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared(
    marked_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("house")
    async with house(folder, marked_checkpoints, DISCORD_ADMIN_IDS=ADMIN) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def home(_shared: House) -> AsyncIterator[House]:
    """The shared house: no limits, global commands, `ADMIN` as admin."""
    yield _shared
    _shared.discord.faults.clear()
    _shared.check()
