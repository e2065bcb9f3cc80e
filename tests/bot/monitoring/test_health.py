"""Health turns red when a part fails and green when it recovers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from bot.cli import EXIT_CONFIG, EXIT_FAILURE
from bot.monitoring.health import OK
from bot.monitoring.healthcheck import readiness
from bot.monitoring.server import monitoring
from bot.settings.env_file import load_settings
from bot.texts import say
from tests.bot.operating.watching import GREEN_SECONDS, RED_SECONDS, Scene, free_port, watched_bot
from tests.bot.programs import litteragpt
from tests.conftest import save_tiny

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]

WELL = {"worker": OK, "discord": OK, "telegram": OK}


def worker_of(scene: Scene) -> psutil.Process:
    """The worker process of the bot."""
    (worker,) = psutil.Process(scene.bot.pid).children()
    return worker


async def asked(environment: dict[str, str], **settings: str) -> tuple[int, str]:
    """Exit code and output line of `litteragpt health`."""
    done = await asyncio.to_thread(litteragpt, "health", settings=environment | settings)
    (line,) = (done.stdout + done.stderr).decode().splitlines()
    assert (done.returncode == 0) == bool(done.stdout)
    return done.returncode, line


async def test_healthy_bot_is_ready(watched: Scene) -> None:
    watcher = watched.watcher
    assert await watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watcher.report("healthz") == (200, {"worker": OK})
    well = say("doctor_running_well", parts="worker, discord, telegram")
    assert await asked(watched.environment) == (0, well)


async def test_killed_worker_is_unhealthy_until_restart(watched: Scene) -> None:
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


async def test_hanging_idle_worker_is_unhealthy(watched: Scene) -> None:
    watcher, worker = watched.watcher, worker_of(watched)
    worker.suspend()
    try:
        await watcher.until("healthz", 503, RED_SECONDS)
        assert await watcher.value("worker_up") == 0
        trouble = say("doctor_running_unwell", unwell="worker: not answering")
        assert await asked(watched.environment) == (EXIT_FAILURE, trouble)
    finally:
        worker.resume()
    await watcher.until("healthz", 200, GREEN_SECONDS)
    assert worker_of(watched) == worker


async def test_disconnected_platform_is_unready_but_live(watched: Scene) -> None:
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


async def test_idle_platform_stays_connected(watched: Scene) -> None:
    before = await watched.watcher.value("reconnects_total")
    await asyncio.sleep(6)  # longer than any probe may take
    assert await watched.watcher.until("readyz", 200, GREEN_SECONDS) == WELL
    assert await watched.watcher.value("reconnects_total") == before


# Python runs this at start-up; the worker waits for a file.
_WAITING = """
import sys, time
from pathlib import Path

while "bot.worker" in sys.orig_argv and not Path({go!r}).exists():
    time.sleep(0.05)
"""


async def test_unhealthy_until_model_is_loaded(tmp_path: Path) -> None:
    save_tiny(tmp_path / "checkpoints" / "tiny")
    startup, go = tmp_path / "startup", tmp_path / "go"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(_WAITING.format(go=str(go)), "utf-8")
    async with watched_bot(tmp_path / "checkpoints", tmp_path, PYTHONPATH=str(startup)) as scene:
        parts = await scene.watcher.until("readyz", 503, GREEN_SECONDS)
        assert parts == {"worker": "starting"}
        assert (await scene.watcher.report("healthz"))[0] == 503
        assert "litteragpt_program_info{" in await scene.watcher.page()
        go.touch()
        assert await scene.watcher.until("readyz", 200, GREEN_SECONDS) == WELL


async def test_health_command_fails_without_bot(watched: Scene) -> None:
    port = str(free_port())
    nobody = say("health_none", host="127.0.0.1", port=port)
    assert await asked(watched.environment, LITTERAGPT_METRICS_PORT=port) == (EXIT_FAILURE, nobody)
    no_port = (EXIT_CONFIG, say("health_no_port"))
    assert await asked(watched.environment, LITTERAGPT_METRICS_PORT="0") == no_port


@pytest.mark.parametrize(
    ("listening", "named"),
    [("127.0.0.1", "0.0.0.0"), ("::1", "::")],  # noqa: S104
)
async def test_wildcard_address_is_asked_on_loopback(listening: str, named: str) -> None:
    if listening == "::1" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    port = free_port()
    settings = load_settings(metrics_host=listening, metrics_port=port)
    async with monitoring(settings):
        assert await asyncio.to_thread(readiness, named, port) == {"worker": "starting"}
