"""A bot with a Ray cluster: commands, scaling, an outage of the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bot.cluster.ray.options import loopback
from bot.monitoring.health import OK
from bot.texts import say
from model.text.prompt import Options
from tests.bot.executors import ENDLESS, PHRASE, first_piece
from tests.bot.operating.watching import watched_bot
from tests.bot.programs import environment, litteragpt
from tests.cluster.ray_nodes import RayCluster, free_port, needs_ray, ray_cluster, until, using

pytestmark = [needs_ray, pytest.mark.timeout(240)]

ROWS = 2
# Time until /readyz reports an outage, and until it reports a restarted cluster.
RED_SECONDS, GREEN_SECONDS = 15.0, 120.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Iterator[RayCluster]:
    """A head with one replica, or two under load."""
    with ray_cluster(tmp_path_factory.mktemp("ray"), checkpoints) as ours:
        begin(ours)
        yield ours


def begin(cluster: RayCluster) -> None:
    cluster.begin(cpus=2)
    cluster.deploy(
        min_replicas=1, max_replicas=2, rows=ROWS, upscale_seconds=1, downscale_seconds=3
    )


async def test_replicas_scale_with_load(cluster: RayCluster) -> None:
    async with using(cluster) as executor:
        assert (len(executor.pool.replicas or ()), executor.pool.slots) == (1, ROWS)
        many = [executor.submit(PHRASE, replace(ENDLESS, seed=seed)) for seed in range(3 * ROWS)]
        await until(lambda: len(executor.pool.replicas or ()) == 2)
        assert executor.pool.slots == 2 * ROWS
        short = executor.submit(PHRASE, Options(sentence_limit=40, seed=1))
        assert (await short.result()).text.startswith(PHRASE)
        await first_piece(many[0])
        for each in many:
            executor.cancel(each)
        await until(lambda: len(executor.pool.replicas or ()) == 1)


async def test_bot_reports_outage_and_recovers(
    cluster: RayCluster, checkpoints: Path, tmp_path: Path
) -> None:
    settings = {
        "LITTERAGPT_EXECUTOR": "ray",
        "RAY_ADDRESS": cluster.address,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(cluster.token),
    }
    async with watched_bot(checkpoints, tmp_path, **settings) as scene:
        watcher, telegram = scene.watcher, scene.telegram
        await watcher.until("readyz", 200, GREEN_SECONDS)
        home = telegram.private(scene.admin)
        answer = await telegram.reply_to(await telegram.say(scene.admin, home, PHRASE), 60)
        assert answer.text.startswith(PHRASE)
        report = await telegram.reply_to(await telegram.say(scene.admin, home, "/estado"), 60)
        assert say("replicas_report", count=1, writing=0, rows=ROWS) in report.text
        assert await watcher.value("replicas") == 1

        cluster.head.kill()
        parts = await watcher.until("readyz", 503, RED_SECONDS)
        assert parts["worker"] != OK
        lost = await telegram.reply_to(await telegram.say(scene.admin, home, PHRASE), 60)
        assert lost.text == say("unavailable")

        await asyncio.to_thread(begin, cluster)
        await watcher.until("readyz", 200, GREEN_SECONDS)
        answer = await telegram.reply_to(await telegram.say(scene.admin, home, PHRASE), 60)
        assert answer.text.startswith(PHRASE)
        assert "Traceback" not in scene.log.read_text("utf-8")


def test_cluster_commands_leave_no_process(checkpoints: Path, tmp_path: Path) -> None:
    settings = environment(checkpoints, state_dir=tmp_path / "state", checkpoint="lento")
    port = free_port()
    before = set(psutil.pids())
    address = f"{loopback()}:{port}"
    up = litteragpt("cluster", "up", "--port", str(port), "--node-cpus", "1", settings=settings)
    try:
        assert (up.returncode, up.stderr) == (0, b"")
        assert up.stdout.decode().strip() == say("cluster_up", address=address, replicas=1)
        again = litteragpt("cluster", "up", "--join", address, settings=settings)
        assert again.returncode == 1
        assert again.stderr.decode().strip() == say("cluster_there", address=address)

        status = litteragpt("cluster", "status", settings=settings)
        assert (status.returncode, status.stderr) == (0, b"")
        first, second, third = status.stdout.decode().splitlines()
        assert address in first
        assert second == say("replicas_report", count=1, writing=0, rows=64)
        assert loopback() in third

        with_ray = settings | {"LITTERAGPT_EXECUTOR": "ray", "RAY_ADDRESS": address}
        examined = litteragpt("doctor", settings=with_ray).stdout.decode()
        assert say("doctor_cluster", address=address, replicas=1, rows=64) in examined
        chat = litteragpt("bot", settings=with_ray, given=f"{PHRASE}\n".encode())
        assert PHRASE in chat.stdout.decode()
        assert (chat.returncode, chat.stderr) == (0, b"")
    finally:
        down = litteragpt("cluster", "down", settings=settings)
    assert (down.returncode, down.stderr) == (0, b"")
    assert down.stdout.decode().strip() == say("cluster_down", address=address)
    left = [each for each in psutil.process_iter() if each.pid not in before]
    assert [each for each in left if "ray" in " ".join(words(each))] == []
    assert litteragpt("cluster", "down", settings=settings).returncode == 1


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_missing_cluster_is_one_sentence(checkpoints: Path, tmp_path: Path) -> None:
    address = f"{loopback()}:{free_port()}"
    settings = environment(checkpoints, state_dir=tmp_path / "state", executor="ray")
    chat = litteragpt("bot", settings=settings | {"RAY_ADDRESS": address})
    assert chat.returncode == 1
    assert chat.stderr.decode().strip() == say("cluster_away", address=address)
