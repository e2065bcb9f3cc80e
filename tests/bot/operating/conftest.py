"""One bot for the tests that watch it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.operating.watching import GREEN_SECONDS, Scene, watched_bot


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def watched(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("watched")
    async with watched_bot(checkpoints, folder, LITTERAGPT_LOG_FORMAT="json") as scene:
        await scene.watcher.until("readyz", 200, GREEN_SECONDS)
        await scene.discord.synced(GREEN_SECONDS)
        yield scene
        assert "Traceback" not in scene.log.read_text("utf-8")
