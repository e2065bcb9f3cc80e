"""Fault injection with several processes over one database.

Each process has its own files, as on separate machines. A killed process stays away for a random
time, sometimes longer than its lease, so that either its peers or its successor recover its
requests."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.fire import LIFE_SECONDS, WORKER_EVERY, Reckoning, asking, bot_environment, settle
from tests.chaos.process import Bot
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

# Seconds until restart, random for each kill. A lease lasts twelve seconds.
AWAY_SECONDS = (0.0, 20.0)


class Fleet:
    """The processes, of which at least one always runs."""

    def __init__(self, bots: list[Bot], chance: random.Random) -> None:
        self._bots, self._chance = bots, chance
        self._living = list(bots)
        self._returns: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all processes."""
        for bot in self._bots:
            await bot.start()

    async def kill_one(self, reckoning: Reckoning, seconds: float) -> None:
        """Kill one process, or its worker alone, after `seconds`."""
        while len(self._living) < 2:
            await asyncio.wait(self._returns, return_when=asyncio.FIRST_COMPLETED)
        bot = self._chance.choice(self._living)
        reckoning.kills += 1
        if reckoning.kills % WORKER_EVERY == 0 and await bot.kill_worker(seconds):
            reckoning.worker_kills += 1
        else:
            self._living.remove(bot)
            await bot.kill(seconds)
            task = asyncio.create_task(self._return(bot, self._chance.uniform(*AWAY_SECONDS)))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)
        reckoning.killed.append(time.monotonic())

    async def stop(self) -> int:
        """Restart all killed processes, then stop all in order; the worst exit code."""
        await asyncio.gather(*self._returns)
        return max(await asyncio.gather(*(bot.stop() for bot in self._bots)))

    async def _return(self, bot: Bot, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await bot.start()
        self._living.append(bot)


async def several_under_fire(
    checkpoints: Path,
    folder: Path,
    kills: int,
    seed: int,
    url: str,
    processes: int = 3,
    progress: Callable[[Reckoning], None] = lambda _: None,
    life: tuple[float, float] = LIFE_SECONDS,
) -> Reckoning:
    """Like `tests.chaos.fire.under_fire`, with several processes over the database at `url`."""
    chance, reckoning = random.Random(seed), Reckoning()  # noqa: S311 (no secret)
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        bots = []
        for number in range(processes):
            place = folder / f"machine-{number}"
            place.mkdir()
            environment = bot_environment(checkpoints, place, discord, telegram)
            environment |= {"LITTERAGPT_DATABASE_URL": url}
            bots.append(Bot(environment, folder / f"bot-{number}.log"))
        fleet = Fleet(bots, chance)
        await fleet.start()
        await discord.ready(60)
        await discord.synced(60)
        async with asking(discord, telegram, reckoning):
            while reckoning.kills < kills:
                await fleet.kill_one(reckoning, chance.uniform(*life))
                progress(reckoning)
            with contextlib.suppress(AssertionError):
                await discord.ready(60)
        await settle(reckoning)
        reckoning.exit_code = await fleet.stop()
        reckoning.violations = [*discord.violations, *telegram.violations]
    return reckoning
