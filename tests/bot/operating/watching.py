"""Observes a running bot from outside, as Prometheus and a container's health check do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.fire import bot_environment
from tests.chaos.process import Bot
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram, User

HOST = "127.0.0.1"
# The guaranteed time until health turns red; recovery depends on the machine.
RED_SECONDS, GREEN_SECONDS = 10.0, 60.0

Report = dict[str, str]
Labels = frozenset[tuple[str, str]]


def free_port() -> int:
    """An unused TCP port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Sample:
    """A line of /metrics."""

    name: str
    labels: Labels
    value: float


class Watcher:
    """A client of the monitoring port."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self._base, self._session = f"http://{HOST}:{port}", session

    async def report(self, page: str) -> tuple[int, Report]:
        """Status and content of a health page; status 0 if the port is closed."""
        try:
            async with self._session.get(f"{self._base}/{page}") as response:
                return response.status, await response.json()
        except aiohttp.ClientConnectionError:
            return 0, {}

    async def status(self, method: str, path: str) -> int:
        """The status of any request."""
        async with self._session.request(method, self._base + path) as response:
            return response.status

    async def until(self, page: str, status: int, seconds: float) -> Report:
        """Wait until a page has this status; return its content."""
        async with asyncio.timeout(seconds):
            while True:
                found, parts = await self.report(page)
                if found == status:
                    return parts
                await asyncio.sleep(0.01)

    async def page(self) -> str:
        """The text of /metrics."""
        async with self._session.get(f"{self._base}/metrics") as response:
            assert response.status == 200
            return await response.text()

    async def samples(self) -> list[Sample]:
        """All lines of /metrics."""
        return [
            Sample(each.name, frozenset(each.labels.items()), each.value)
            for family in text_string_to_metric_families(await self.page())
            for each in family.samples
        ]

    async def value(self, metric: str, /, **labels: str) -> float:
        """The sum of all samples with this name and these labels; at least one must exist."""
        wanted = labels.items()
        found = [
            each.value
            for each in await self.samples()
            if each.name == f"litteragpt_{metric}" and wanted <= each.labels
        ]
        assert found, (metric, labels)
        return sum(found)

    async def until_value(
        self, good: Callable[[float], bool], metric: str, /, **labels: str
    ) -> None:
        """Wait until a value satisfies `good`."""
        async with asyncio.timeout(GREEN_SECONDS):
            while not good(await self.value(metric, **labels)):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)


@dataclass
class Scene:
    """A bot on both platforms, an admin, and a client of its monitoring port."""

    discord: FakeDiscord
    telegram: FakeTelegram
    admin: User
    environment: dict[str, str]
    bot: Bot
    watcher: Watcher
    log: Path


@asynccontextmanager
async def ready_bot(checkpoints: Path, folder: Path) -> AsyncIterator[Scene]:
    """A running bot with a JSON log, ready on both platforms; its log must have no traceback."""
    async with watched_bot(checkpoints, folder, LITTERAGPT_LOG_FORMAT="json") as scene:
        await scene.watcher.until("readyz", 200, GREEN_SECONDS)
        await scene.discord.synced(GREEN_SECONDS)
        yield scene
        assert "Traceback" not in scene.log.read_text("utf-8")


@asynccontextmanager
async def watched_bot(checkpoints: Path, folder: Path, **settings: str) -> AsyncIterator[Scene]:
    """Run a bot on both platforms with a monitoring port; stop it with SIGTERM."""
    port = free_port()
    async with (
        FakeDiscord() as discord,
        FakeTelegram(flood=False) as telegram,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session,
    ):
        environment = bot_environment(checkpoints, folder, discord, telegram)
        admin = telegram.user("Admina")
        environment |= {
            "TELEGRAM_ADMIN_IDS": str(admin.id),
            "LITTERAGPT_METRICS_PORT": str(port),
        } | settings
        bot = Bot(environment, folder / "bot.log")
        await bot.start()
        try:
            watcher = Watcher(port, session)
            yield Scene(discord, telegram, admin, environment, bot, watcher, folder / "bot.log")
        finally:
            assert await bot.stop() == 0, (folder / "bot.log").read_text("utf-8")
