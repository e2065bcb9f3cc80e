"""The simulation beside the real bot: the same people at the same moments, both times.

The real bot runs with the bundled checkpoint against the fake Discord on this machine, as in
`benchmarks.platforms`; the simulated one has one process, one replica and a network without delay.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.platforms import START_SECONDS, Times, ask_on_discord, settings
from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import Arrivals, Demand, Floats
from benchmarks.simulation.fleet import Simulation
from benchmarks.simulation.measured import Measured
from tests.chaos.process import Bot
from tests.fakes.discord import ORDINARY, FakeDiscord, Permission
from tests.fakes.telegram import FakeTelegram


@dataclass(frozen=True)
class Case:
    """People who each ask once, at these seconds."""

    name: str
    moments: tuple[float, ...]


def cases(seed: int) -> list[Case]:
    """Fifty at once, and some a second by chance, for a minute."""
    random = np.random.default_rng(seed)
    steady = [
        Case(f"{rate} a second for a minute", tuple(np.sort(60 * random.random(60 * rate))))
        for rate in (2, 6)
    ]
    return [Case("50 at once", (0.0,) * 50), *steady]


def predicted(case: Case, measured: Measured, runs: int = 20) -> list[Floats]:
    """Seconds to the acknowledgement and to the answer, of several runs together."""
    count = len(case.moments)
    people = Arrivals(np.array(case.moments), np.arange(count), np.zeros(count, np.int64))
    demand = Demand(servers=1, again=0.0, onward=0.0)
    fleet = Fleet(scaling=None, person_minute=0, person_day=0, server_minute=0, network=(0.0, 0.0))
    found = []
    for seed in range(runs):
        record = Simulation(demand, fleet, measured, seed).run(people, case.moments[-1] + 1.0)
        found.append([record.times("acknowledged"), record.times("done")])
    return [np.concatenate(each).astype(np.float64) for each in zip(*found, strict=True)]


async def observed(cases: Sequence[Case]) -> list[list[Floats]]:
    """The same of the real bot, case by case."""
    with tempfile.TemporaryDirectory() as name:
        async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
            guild = discord.guild("La Mancha")
            guild.channel("general")
            admin = guild.join(discord.user("Admin"), ORDINARY | Permission.ADMINISTRATOR)
            folder = Path(name)
            bot = Bot(settings(folder, admin, discord, telegram), folder / "bot.log")
            await bot.start()
            try:
                await discord.ready(START_SECONDS)
                await discord.synced(START_SECONDS)
                for number in range(5):  # warm
                    await ask_on_discord(discord, number)
                return [await _watch(discord, case) for case in cases]
            finally:
                await bot.stop()


async def _watch(discord: FakeDiscord, case: Case) -> list[Floats]:
    begun = time.monotonic()

    async def ask(number: int, moment: float) -> Times:
        await asyncio.sleep(max(0.0, begun + moment - time.monotonic()))
        return await ask_on_discord(discord, 1000 + number)

    times = await asyncio.gather(*(ask(*each) for each in enumerate(case.moments)))
    return [np.array([each.sign for each in times]), np.array([each.answer for each in times])]
