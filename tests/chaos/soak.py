"""`python -m tests.chaos.soak --minutes 30`: constant load, and resource usage before and after.

Alternates between the platforms at a fixed rate. Prints memory, threads, open files and the size of
the store after one minute and at the end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.progress import track

from tests.chaos.fire import bot_environment
from tests.chaos.people import PHRASE, DiscordRequest, Request, TelegramRequest
from tests.chaos.process import Bot
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

PEOPLE = 200
# A leak is growth beyond this factor since the first minute.
GROWTH = 1.05


@dataclass(frozen=True)
class Holding:
    """Resource usage at one moment; memory and store in bytes."""

    memory: int
    threads: int
    files: int
    store: int

    @classmethod
    def of(cls, bot: Bot, state: Path) -> Holding:
        """The bot and its worker together, and the files of the store."""
        main = psutil.Process(bot.pid)
        processes = [main, *main.children(recursive=True)]
        return cls(
            sum(each.memory_info().rss for each in processes),
            sum(each.num_threads() for each in processes),
            sum(each.num_fds() for each in processes),
            sum(path.stat().st_size for path in state.iterdir()),
        )

    def __str__(self) -> str:
        megabytes = self.memory / 2**20
        return (
            f"{megabytes:.1f} MB, {self.threads} threads, {self.files} open files, "
            f"store {self.store / 1024:.0f} KiB"
        )


class Crowd:
    """Users who ask in turn."""

    def __init__(self, discord: FakeDiscord, telegram: FakeTelegram) -> None:
        self.answered = self.unanswered = 0
        self._discord, self._telegram = discord, telegram
        self._readers = [discord.user(f"D{n}", installed=True) for n in range(PEOPLE)]
        self._writers = [telegram.user(f"T{n}") for n in range(PEOPLE)]

    async def ask(self, number: int) -> None:
        """One request, up to its answer."""
        person = number // 2 % PEOPLE
        request: Request
        if number % 2:
            user = self._readers[person]
            place = self._discord.dm(user)
            interaction = await self._discord.slash(user, place, "escribe", frase=PHRASE)
            request = DiscordRequest(interaction)
        else:
            writer = self._writers[person]
            chat = self._telegram.private(writer)
            message = await self._telegram.say(writer, chat, f"/escribe {PHRASE}")
            request = TelegramRequest(message, self._telegram)
        with contextlib.suppress(AssertionError):
            await request.end()
            self.answered += 1
            return
        self.unanswered += 1


async def soak(folder: Path, minutes: float, rate: float) -> tuple[Holding, Holding, Crowd]:
    """Run for `minutes`; return the usage after the first minute and at the end."""
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        environment = bot_environment(folder / "checkpoints", folder, discord, telegram)
        bot = Bot(environment, folder / "bot.log")
        await bot.start()
        await discord.ready(60)
        await discord.synced(60)
        await telegram.connected(60)
        crowd, first = Crowd(discord, telegram), None
        asking: set[asyncio.Task[None]] = set()
        begun = time.monotonic()
        for number in track(range(int(60 * minutes * rate)), "requests"):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            task = asyncio.create_task(crowd.ask(number))
            asking.add(task)
            task.add_done_callback(asking.discard)
            if first is None and time.monotonic() - begun > 60:
                first = Holding.of(bot, folder / "state")
        await asyncio.gather(*asking)
        last = Holding.of(bot, folder / "state")
        assert await bot.stop() == 0
    return first or last, last, crowd


def main() -> int:
    """Run with the options of the command line; 1 after growth or an unanswered request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=5, help="requests a second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        save_tiny(Path(name) / "checkpoints" / "tiny")
        first, last, crowd = asyncio.run(soak(Path(name), asked.minutes, asked.rate))
    print(f"after a minute: {first}")
    print(f"at the end:     {last}")
    print(f"answered {crowd.answered}, unanswered {crowd.unanswered}")
    grown = last.memory > GROWTH * first.memory or last.threads > first.threads
    return 1 if grown or crowd.unanswered else 0


if __name__ == "__main__":
    sys.exit(main())
