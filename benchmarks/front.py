"""The capacity of one bot process: requests per second, and processor time per request.

The real bot runs against the servers of `tests/fakes`, whose requesters ask again after each
answer. The tiny untrained checkpoint of the tests costs next to nothing, so the figures are those
of the event loop: acknowledging, admitting, storing, delivering. Processor time excludes the worker
and the fakes, and holds on a shared machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from model.checkpoint.discovery import bundled_checkpoints
from tests.chaos.fire import bot_environment
from tests.chaos.people import Record, ask_on_discord, ask_on_telegram
from tests.chaos.process import Bot
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

START_SECONDS = 60.0
WARM_SECONDS = 4.0


@dataclass(frozen=True)
class Case:
    """A load. `refused`: with a limit of one request a minute, so that every request but the first
    is refused."""

    platform: str
    people: int
    checkpoint: str = "tiny"
    refused: bool = False

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.platform}, {'refused' if self.refused else self.checkpoint}"


@dataclass(frozen=True)
class Front:
    """Requests per second, and milliseconds of processor time per request: of the event-loop
    process and of its worker."""

    people: int
    per_second: float
    processor: float
    worker: float


CASES = (
    Case("discord", 32),
    Case("discord", 16, checkpoint="small"),
    Case("discord", 32, refused=True),
    Case("telegram", 16),
    Case("telegram", 16, refused=True),
)


def environment(
    case: Case, folder: Path, discord: FakeDiscord, telegram: FakeTelegram
) -> Mapping[str, str]:
    """The bot's settings, and its checkpoint made."""
    checkpoints = folder / "checkpoints"
    if not checkpoints.exists():
        save_tiny(checkpoints / "tiny")
    settings = bot_environment(checkpoints, folder, discord, telegram)
    if case.checkpoint != "tiny":
        settings |= {
            "LITTERAGPT_CHECKPOINTS_DIR": str(bundled_checkpoints()),
            "LITTERAGPT_CHECKPOINT": case.checkpoint,
            "LITTERAGPT_SENTENCE_LIMIT": "600",
        }
    if case.refused:
        settings["LITTERAGPT_PERSON_PER_MINUTE"] = "1"
    return settings


async def measure(case: Case, folder: Path, seconds: float) -> Front:
    """Let people ask for so long."""
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        bot = Bot(environment(case, folder, discord, telegram), folder / "bot.log")
        await bot.start()
        record = Record()
        ask = {
            "discord": lambda number: ask_on_discord(discord, f"D{number}", record),
            "telegram": lambda number: ask_on_telegram(telegram, f"T{number}", record),
        }[case.platform]
        try:
            await discord.ready(START_SECONDS)
            await discord.synced(START_SECONDS)
            await telegram.connected(START_SECONDS)
            asking = [asyncio.create_task(ask(number)) for number in range(case.people)]
            await asyncio.sleep(WARM_SECONDS)
            process = psutil.Process(bot.pid)
            [worker] = process.children()
            before = spent(process), spent(worker), len(record.answered)
            begun = time.monotonic()
            await asyncio.sleep(seconds)
            passed = time.monotonic() - begun
            after = spent(process), spent(worker), len(record.answered)
            for task in asking:
                task.cancel()
        finally:
            await bot.stop()
    own, workers, answered = (b - a for a, b in zip(before, after, strict=True))
    if not answered:
        raise RuntimeError(f"nobody was answered: {case.name}")
    return Front(case.people, answered / passed, 1000 * own / answered, 1000 * workers / answered)


def spent(process: psutil.Process) -> float:
    """Seconds of processor time, of all threads."""
    times = process.cpu_times()
    return float(times.user + times.system)
