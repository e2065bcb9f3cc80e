"""A fast and a slow site for most tests, since starting one takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from model.text.tokenizer import Tokenizer
from tests.bot.adapters.web.sites import SLOW, Site, Visitor, serving
from tests.conftest import ENDLESS_TOKENIZER, TINY_TOKENIZER, save_tiny

# A checkpoint with these characters writes tags and entities frequently.
MARKUP = Tokenizer(
    TINY_TOKENIZER.styles, "".join(sorted(set(TINY_TOKENIZER.characters + "<>&/={}$`")))
)


@pytest.fixture(scope="session")
def markup_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint that writes HTML markup."""
    folder = tmp_path_factory.mktemp("markup")
    save_tiny(folder / "tiny", tokenizer=MARKUP)
    return folder


@pytest.fixture(scope="session")
def endless_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint that ends a sentence only at the limit."""
    folder = tmp_path_factory.mktemp("endless")
    save_tiny(folder / "tiny", tokenizer=ENDLESS_TOKENIZER)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _quick(
    markup_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with serving(tmp_path_factory.mktemp("quick"), markup_checkpoints) as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _slow(
    endless_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with serving(tmp_path_factory.mktemp("slow"), endless_checkpoints, **SLOW) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(_quick: Site) -> AsyncIterator[Site]:
    """A fast site without limits."""
    yield _quick
    _quick.check()


@pytest_asyncio.fixture(loop_scope="session")
async def slow_site(_slow: Site) -> AsyncIterator[Site]:
    """A site without limits, on which a text takes many seconds."""
    yield _slow
    _slow.check()


@pytest_asyncio.fixture(loop_scope="session")
async def ana(site: Site) -> Visitor:
    """A visitor of the fast site."""
    return site.visitor()


@pytest_asyncio.fixture(loop_scope="session")
async def ben(slow_site: Site) -> Visitor:
    """A visitor of the slow site."""
    return slow_site.visitor()
