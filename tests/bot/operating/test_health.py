"""Health turns red when a part is gone and green again when it is back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from bot.health import OK
from tests.bot.operating.watching import GREEN_SECONDS, RED_SECONDS, Scene, watched_bot
from tests.conftest import save_tiny

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]

WELL = {"worker": OK, "discord": OK, "telegram": OK}


def worker_of(scene: Scene) -> psutil.Process:
    """The worker of the bot."""
    (worker,) = psutil.Process(scene.bot.pid).children()
    return worker


async def test_all_is_well(watched: Scene) -> None:
    watcher = watched.watcher
    assert await watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watcher.report("healthz") == (200, {"worker": OK})


async def test_a_worker_that_is_killed_shows_until_there_is_another(watched: Scene) -> None:
    watcher = watched.watcher
    restarts = await watcher.value("worker_restarts_total")
    for _ in range(3):
        assert await watched.bot.kill_worker(0)
        parts = await watcher.until("healthz", 503, RED_SECONDS)
        assert parts == {"worker": "not answering"}
        await watcher.until("readyz", 200, GREEN_SECONDS)
        assert await watcher.report("healthz") == (200, {"worker": OK})
    assert await watcher.value("worker_restarts_total") == restarts + 3
    assert await watcher.value("worker_up") == 1


async def test_a_worker_that_hangs_shows_though_nobody_asks_for_anything(watched: Scene) -> None:
    watcher, worker = watched.watcher, worker_of(watched)
    worker.suspend()
    try:
        await watcher.until("healthz", 503, RED_SECONDS)
        assert await watcher.value("worker_up") == 0
    finally:
        worker.resume()
    await watcher.until("healthz", 200, GREEN_SECONDS)
    assert worker_of(watched) == worker


async def test_a_platform_that_is_gone_shows_and_the_process_still_lives(watched: Scene) -> None:
    watcher = watched.watcher
    reconnects = await watcher.value("reconnects_total", platform="telegram")
    await watched.telegram.refuse_connections(1)
    parts = await watcher.until("readyz", 503, RED_SECONDS)
    assert parts == WELL | {"telegram": "disconnected"}
    assert (await watcher.report("healthz"))[0] == 200
    assert await watcher.value("connected", platform="telegram") == 0
    assert await watcher.value("connected", platform="discord") == 1
    assert await watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watcher.value("reconnects_total", platform="telegram") > reconnects

    await watched.discord.refuse_connections(600)
    parts = await watcher.until("readyz", 503, RED_SECONDS)
    assert parts == WELL | {"discord": "disconnected"}
    await watched.discord.accept_connections()
    assert await watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watcher.value("reconnects_total", platform="discord") >= 1


async def test_a_platform_on_which_nothing_happens_stays_connected(watched: Scene) -> None:
    before = await watched.watcher.value("reconnects_total")
    await asyncio.sleep(6)  # longer than an answer to any other question may take
    assert await watched.watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watched.watcher.value("reconnects_total") == before


async def test_until_the_model_is_loaded_it_is_not_well(tmp_path: Path) -> None:
    config = save_tiny(tmp_path / "checkpoints" / "tiny") / "config.json"
    content = config.read_bytes()
    config.unlink()
    os.mkfifo(config)  # whoever reads it waits until somebody writes
    async with watched_bot(tmp_path / "checkpoints", tmp_path) as scene:
        parts = await scene.watcher.until("readyz", 503, GREEN_SECONDS)
        assert parts == {"worker": "starting"}
        assert (await scene.watcher.report("healthz"))[0] == 503
        assert "litteragpt_program_info{" in await scene.watcher.page()
        await asyncio.to_thread(config.write_bytes, content)
        assert await scene.watcher.until("readyz", 200, GREEN_SECONDS) == WELL
