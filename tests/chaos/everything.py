"""Fault injection in the full deployment: three bots, one PostgreSQL, a Ray cluster of two nodes.

Two bots have one shard of Discord each, the third has Telegram. Each blow hits one component: a
bot, its bridge, a replica, a node with everything on it, or the database. Between blows an admin
switches the checkpoint. The next blow comes when the component has recovered and all waiting
requests are answered, because most components exist only twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.texts import say
from tests.bot.operating.watching import Watcher, free_port
from tests.chaos.fire import Reckoning, asking, bot_environment, settle
from tests.chaos.people import Wait
from tests.chaos.process import Bot
from tests.cluster.postgres import Postgres
from tests.cluster.ray_nodes import SLOW, RayCluster, kill
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram, User

BLOWS = ("bot", "bridge", "replica", "node", "database", "reload")
SHARDS = REPLICAS = 2
# Recovery takes less on two fully loaded cores.
BACK_SECONDS = 120.0
# Seconds before the next blow, and of a database outage.
PEACE_SECONDS, AWAY_SECONDS = (0.5, 3.0), (0.0, 4.0)


@dataclass(frozen=True)
class Blow:
    """The component that was hit, and the monotonic time."""

    part: str
    at: float


@dataclass
class Toll(Reckoning):
    """The report of a run: requests, and waiting times around each kind of blow."""

    blows: list[Blow] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # replies to the admin's failed reloads

    def lines(self) -> list[str]:
        """The figures for people."""
        waits = self.discord.waits + self.telegram.waits
        told = super().lines()[1:3]
        if waits:
            told.append(f"all answers: {_waited(waits)}")
        for part in BLOWS:
            around = [self._around(blow, waits) for blow in self.blows if blow.part == part]
            longest = [max(wait.seconds for wait in each) for each in around if each]
            if longest:
                told.append(
                    f"{len(around)} times {part}: longest wait around it, "
                    f"median {statistics.median(longest):.2f} s, most {max(longest):.2f} s"
                )
        return [*told, *(f"refused: {each}" for each in self.refused)]

    def _around(self, blow: Blow, waits: list[Wait]) -> list[Wait]:
        """Requests from before the next blow that were not answered before this one."""
        later = (each.at for each in self.blows if each.at > blow.at)
        following = min(later, default=float("inf"))
        return [each for each in waits if each.answered > blow.at and each.asked < following]


class Everything:
    """All components, and the faults to inject."""

    def __init__(
        self, cluster: RayCluster, postgres: Postgres, chance: random.Random, toll: Toll
    ) -> None:
        self._cluster, self._postgres = cluster, postgres
        self._chance, self._toll = chance, toll
        self._bots: list[Bot] = []
        self._watchers: list[Watcher] = []
        self._telegram: FakeTelegram
        self._admin: User
        self._serving = 0

    @contextlib.asynccontextmanager
    async def open(
        self, folder: Path, discord: FakeDiscord, telegram: FakeTelegram
    ) -> AsyncIterator[None]:
        """Start the bots; the other components must run. Stops the bots in order at the end."""
        self._telegram, self._admin = telegram, telegram.user("Admina")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
            for number in range(SHARDS + 1):
                port, place = free_port(), folder / f"bot-{number}"
                place.mkdir()
                whole = bot_environment(self._cluster.checkpoints, place, discord, telegram)
                mine = only(whole, number) | {
                    "LITTERAGPT_METRICS_PORT": str(port),
                    "LITTERAGPT_CHECKPOINT": SLOW[0],
                    "LITTERAGPT_DATABASE_URL": self._postgres.url,
                    "LITTERAGPT_EXECUTOR": "ray",
                    "RAY_ADDRESS": self._cluster.address,
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN_PATH": str(self._cluster.token),
                    "TELEGRAM_ADMIN_IDS": str(self._admin.id),
                }
                self._bots.append(Bot(mine, folder / f"bot-{number}.log"))
                self._watchers.append(Watcher(port, session))
            try:
                for bot in self._bots:
                    await bot.start()
                await self.well()
                yield
            finally:
                codes = await asyncio.gather(*(bot.stop() for bot in self._bots))
                self._toll.exit_code = max(codes)

    async def well(self) -> None:
        """Wait until every component runs and every bot knows of it."""
        async with asyncio.timeout(BACK_SECONDS):
            while not all([await self._is_well(each) for each in self._watchers]):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def strike(self, part: str) -> None:
        """Hit a component and wait for recovery."""
        self._toll.blows.append(Blow(part, time.monotonic()))
        await getattr(self, f"_{part}")()
        await self.well()
        await self._caught_up()

    async def _bot(self) -> None:
        bot = self._chance.choice(self._bots)
        await bot.kill(0)
        await bot.start()

    async def _bridge(self) -> None:
        assert await self._chance.choice(self._bots).kill_worker(0)

    async def _replica(self) -> None:
        before = self._cluster.replicas()
        gone = self._chance.choice(before)
        kill(gone)
        async with asyncio.timeout(BACK_SECONDS):
            while len(set(self._cluster.replicas()) - {gone}) < REPLICAS:  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _node(self) -> None:
        node = self._chance.choice(self._cluster.nodes)
        await asyncio.to_thread(node.kill)
        await asyncio.to_thread(node.come_back)

    async def _database(self) -> None:
        await asyncio.to_thread(self._postgres.stop)
        await asyncio.sleep(self._chance.uniform(*AWAY_SECONDS))
        await asyncio.to_thread(self._postgres.start)

    async def _reload(self) -> None:
        """Switch to the other one of the two checkpoints, as an admin does."""
        self._serving = 1 - self._serving
        wanted = SLOW[self._serving]
        telegram, home = self._telegram, self._telegram.private(self._admin)
        order = await telegram.say(self._admin, home, f"/recargar {wanted}")
        waiting = say("reloading", name=wanted)

        def told() -> str | None:
            replies = telegram.replies_to(order)
            return next((each.text for each in replies if each.text != waiting), None)

        report = await telegram.world.changes.until(told, BACK_SECONDS, "what came of a reload")
        if not report.startswith("Modelo cargado") or report.count(f" {wanted} ") < 1:
            self._toll.refused.append(report)

    async def _is_well(self, watcher: Watcher) -> bool:
        """Whether a bot is ready and knows of all replicas."""
        status, _ = await watcher.report("readyz")
        if status != 200:
            return False
        with contextlib.suppress(aiohttp.ClientError):
            known = [each for each in await watcher.samples() if each.name == "litteragpt_replicas"]
            return sum(each.value for each in known) == REPLICAS
        return False

    async def _caught_up(self) -> None:
        """Wait until all waiting requests are answered: a process that is killed after the database
        failed loses the requests admitted meanwhile (docs/cluster.md). Requests that stay
        unanswered are counted at the end."""
        records = (self._toll.discord, self._toll.telegram)
        waiting = [each for record in records for each in record.lost]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BACK_SECONDS):
                while any(each.accepted and not each.answers for each in waiting):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)


def only(whole: dict[str, str], number: int) -> dict[str, str]:
    """The environment of a bot for one platform: the first bots have a shard of Discord each, the
    last has Telegram."""
    if number == SHARDS:
        return {name: value for name, value in whole.items() if not name.startswith("DISCORD_")}
    ours = {name: value for name, value in whole.items() if not name.startswith("TELEGRAM_")}
    return ours | {"DISCORD_SHARD_COUNT": str(SHARDS), "DISCORD_SHARD_IDS": str(number)}


async def everything_under_fire(
    cluster: RayCluster,
    postgres: Postgres,
    folder: Path,
    blows: int,
    seed: int,
    progress: Callable[[Reckoning], None] = lambda _: None,
) -> Toll:
    """Strike `blows` times, each component equally often, while users ask; then count.

    cluster: not started; has the checkpoints `lento` and `otro`."""
    chance, toll = random.Random(seed), Toll()  # noqa: S311 (no secret)
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        discord.gateway.starts.left += blows
        await asyncio.to_thread(start_cluster, cluster)
        everything = Everything(cluster, postgres, chance, toll)
        async with everything.open(folder, discord, telegram):
            async with asking(discord, telegram, toll, SHARDS):
                while toll.kills < blows:
                    for part in chance.sample(BLOWS, min(len(BLOWS), blows - toll.kills)):
                        await asyncio.sleep(chance.uniform(*PEACE_SECONDS))
                        await everything.strike(part)
                        toll.kills += 1
                        progress(toll)
            await settle(toll)
        toll.violations = [*discord.violations, *telegram.violations]
    return toll


def start_cluster(cluster: RayCluster) -> None:
    """A head without replicas, and two nodes with room for one replica each."""
    cluster.begin()
    for _ in range(REPLICAS):
        cluster.add(cpus=1)
    cluster.deploy(min_replicas=REPLICAS, max_replicas=REPLICAS, rows=16)


def _waited(waits: list[Wait]) -> str:
    seconds = sorted(each.seconds for each in waits)
    late = seconds[int(0.99 * (len(seconds) - 1))]
    return f"{len(seconds)}, median {statistics.median(seconds):.2f} s, 99 % within {late:.2f} s"
