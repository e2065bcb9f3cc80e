"""The run: load, kills at random moments, and the report."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import math
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bot.programs import environment
from tests.chaos.people import Record, ask_on_discord, ask_on_telegram
from tests.chaos.process import Bot
from tests.fakes.discord import FakeDiscord, Shard
from tests.fakes.telegram import FakeTelegram

PEOPLE = 4  # on each platform
# Seconds from start to kill, random for each life; some end before the bot has connected.
LIFE_SECONDS = (0.2, 4.0)
# Every fourth kill hits the worker alone.
WORKER_EVERY = 4
SETTLE_SECONDS = 60.0


@dataclass
class Reckoning:
    """The report of a run."""

    kills: int = 0
    worker_kills: int = 0
    discord: Record = field(default_factory=Record)
    telegram: Record = field(default_factory=Record)
    killed: list[float] = field(default_factory=list)  # monotonic seconds
    violations: list[str] = field(default_factory=list)
    exit_code: int | None = None

    @property
    def recoveries(self) -> list[float]:
        """Seconds from each kill to the next answer on either platform, without kills that another
        kill followed."""
        answered = sorted(self.discord.answered + self.telegram.answered)
        seconds = []
        for killed, following in itertools.pairwise([*self.killed, math.inf]):
            index = bisect.bisect(answered, killed)
            if index < len(answered) and answered[index] < following:
                seconds.append(answered[index] - killed)
        return seconds

    def lines(self) -> list[str]:
        """The figures for people."""
        told = [f"kills {self.kills}, of which of the worker alone {self.worker_kills}"]
        for name, record in (("Discord", self.discord), ("Telegram", self.telegram)):
            told.append(
                f"{name}: requests {len(record.requests)}, accepted {len(record.accepted)}, "
                f"lost {len(record.lost)}, duplicated {len(record.duplicated)}, "
                f"answered by an apology {len(record.apologies)}, notes left behind {record.notes}"
            )
        if self.recoveries:
            median = statistics.median(self.recoveries)
            told.append(f"recovery: median {median:.2f} s, slowest {max(self.recoveries):.2f} s")
        return told


async def under_fire(
    checkpoints: Path,
    folder: Path,
    kills: int,
    seed: int,
    progress: Callable[[Reckoning], None] = lambda _: None,
    life: tuple[float, float] = LIFE_SECONDS,
) -> Reckoning:
    """Kill the bot `kills` times while users ask, then let it finish, and count.

    checkpoints: a folder with the checkpoint `tiny`.
    folder: for the state and the log."""
    chance, reckoning = random.Random(seed), Reckoning()  # noqa: S311 (no secret)
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        discord.gateway.starts.left += kills  # more restarts than Discord permits a day
        bot = Bot(bot_environment(checkpoints, folder, discord, telegram), folder / "bot.log")
        await bot.start()
        await discord.ready(60)
        await discord.synced(60)
        async with asking(discord, telegram, reckoning):
            while reckoning.kills < kills:
                await _kill(bot, reckoning, chance.uniform(*life))
                progress(reckoning)
            await discord.ready(60)
        await settle(reckoning)
        reckoning.exit_code = await bot.stop()
        reckoning.violations = [*discord.violations, *telegram.violations]
    return reckoning


def bot_environment(
    checkpoints: Path, folder: Path, discord: FakeDiscord, telegram: FakeTelegram
) -> dict[str, str]:
    """The environment of a bot with the checkpoint `tiny` and no limits that serves both fakes."""
    ours = environment(
        checkpoints,
        state_dir=folder / "state",
        person_per_minute=0,
        person_per_day=0,
        server_per_minute=0,
        strikes=0,
    )
    return ours | {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_BASE": telegram.base,
    }


@contextlib.asynccontextmanager
async def asking(
    discord: FakeDiscord, telegram: FakeTelegram, reckoning: Reckoning, shards: int = 1
) -> AsyncIterator[None]:
    """Users who ask on both platforms, and on all shards of Discord in turn, until the context
    exits."""
    places = [Shard(n % shards, shards) for n in range(PEOPLE)]
    lives = [
        *(ask_on_discord(discord, f"D{n}", reckoning.discord, places[n]) for n in range(PEOPLE)),
        *(ask_on_telegram(telegram, f"T{n}", reckoning.telegram) for n in range(PEOPLE)),
    ]
    tasks = [asyncio.create_task(each) for each in lives]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


async def _kill(bot: Bot, reckoning: Reckoning, seconds: float) -> None:
    """Kill the bot, or its worker alone, after `seconds`."""
    reckoning.kills += 1
    if reckoning.kills % WORKER_EVERY == 0 and await bot.kill_worker(seconds):
        reckoning.worker_kills += 1
        reckoning.killed.append(time.monotonic())
    else:
        await bot.kill(seconds)
        reckoning.killed.append(time.monotonic())
        await bot.start()


async def settle(reckoning: Reckoning) -> None:
    """Wait until all accepted requests are answered."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if not (reckoning.discord.lost or reckoning.telegram.lost):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)  # time for a duplicate answer
