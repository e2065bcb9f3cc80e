"""A running bot, shared by the tests of this package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.operating.watching import Scene, ready_bot


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def watched(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    async with ready_bot(checkpoints, tmp_path_factory.mktemp("watched")) as scene:
        yield scene
