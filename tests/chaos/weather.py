"""`python -m tests.chaos.weather`: platform failures while users keep asking.

Each kind lasts for a while; afterwards every accepted request must have exactly one answer."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.progress import track

from tests.chaos.fire import Reckoning, asking, bot_environment, settle
from tests.chaos.process import Bot
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

MANY = 10**6
INTERVAL_SECONDS = 5.0
Weather = Callable[[FakeDiscord, FakeTelegram, float], Awaitable[None]]


async def storm_of_429(discord: FakeDiscord, telegram: FakeTelegram, seconds: float) -> None:
    """Every edit and message is rate limited for a moment."""
    discord.faults.status("PATCH", "*", 429, times=MANY, retry_after=0.5)
    telegram.faults.flood("sendMessage", 1, times=MANY)
    await asyncio.sleep(seconds)


async def server_errors(discord: FakeDiscord, telegram: FakeTelegram, seconds: float) -> None:
    """Every edit and message fails with 502 or 503."""
    discord.faults.status("PATCH", "*", 503, times=MANY)
    telegram.faults.status("sendMessage", 502, times=MANY)
    await asyncio.sleep(seconds)


async def resets(discord: FakeDiscord, telegram: FakeTelegram, seconds: float) -> None:
    """Connections reset before the platform processes a request, seven times a second."""
    for _ in range(int(7 * seconds)):
        discord.faults.reset("*", "/webhooks/*")
        telegram.faults.reset("sendMessage", applied=False)
        await asyncio.sleep(1 / 7)


async def drops(discord: FakeDiscord, telegram: FakeTelegram, seconds: float) -> None:
    """The gateway disconnects every five seconds, and Telegram is unreachable for two of them."""
    for _ in range(int(seconds / INTERVAL_SECONDS)):
        discord.gateway.drop()
        await telegram.refuse_connections(2.0)
        await asyncio.sleep(INTERVAL_SECONDS)


async def away_at_the_start(discord: FakeDiscord, telegram: FakeTelegram, seconds: float) -> None:
    """Neither platform is reachable when the bot starts; see `run`."""
    await asyncio.sleep(seconds / 4)


KINDS: tuple[Weather, ...] = (storm_of_429, server_errors, resets, drops, away_at_the_start)


async def run(weather: Weather, folder: Path, seconds: float) -> Reckoning:
    """Users ask during the failures and shortly after."""
    reckoning = Reckoning()
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        environment = bot_environment(folder / "checkpoints", folder / "run", discord, telegram)
        bot = Bot(environment, folder / "bot.log")
        if weather is away_at_the_start:
            await discord.refuse_connections(seconds / 4)
            await telegram.refuse_connections(seconds / 4)
        await bot.start()
        await discord.ready(60)
        await discord.synced(60)
        async with asking(discord, telegram, reckoning):
            await weather(discord, telegram, seconds)
            discord.faults.clear()
            telegram.faults.clear()
            await asyncio.sleep(INTERVAL_SECONDS)
        await settle(reckoning)
        reckoning.exit_code = await bot.stop()
    return reckoning


def main() -> int:
    """Run every kind with the options of the command line; 1 if a request was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each kind")
    seconds = parser.parse_args().seconds
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # logs the injected resets
    lost, lines = 0, []
    for weather in track(KINDS, "weather"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_tiny(folder / "checkpoints" / "tiny")
            (folder / "run").mkdir()
            reckoning = asyncio.run(run(weather, folder, seconds))
        lines += [weather.__name__.replace("_", " "), *map("    {}".format, reckoning.lines()[1:])]
        lost += len(reckoning.discord.lost) + len(reckoning.telegram.lost)
    print("\n".join(lines))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
