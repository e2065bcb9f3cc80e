"""The whole bot under load: many requesters at once on Discord, and on Discord and Telegram.

    python -m benchmarks.platforms --people 50 [--candidates auto]

Starts the real bot with the bundled checkpoint against the servers of `tests/fakes` on this machine
and measures the wall-clock time from a request to the first sign and to the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bot.programs import plain_environment
from tests.chaos.people import DiscordRequest, TelegramRequest
from tests.chaos.process import Bot
from tests.fakes.discord import ORDINARY, FakeDiscord, Permission
from tests.fakes.discord import User as DiscordUser
from tests.fakes.telegram import FakeTelegram

PHRASE = "En un lugar de la Mancha"
START_SECONDS = 60.0


@dataclass
class Times:
    """Seconds from a request to the first sign and to the answer."""

    sign: float
    answer: float


async def ask_on_discord(discord: FakeDiscord, number: int) -> Times:
    """One person's request in a server that all share."""
    guild = discord.guilds[0]
    user = guild.join(discord.user(f"D{number}"))
    place = next(place for place in discord.places if place.guild is guild)
    asked = time.monotonic()
    request = DiscordRequest(await discord.slash(user, place, "escribe", frase=PHRASE))
    sign = await request.interaction.acknowledged()
    await request.end()
    return Times(sign, time.monotonic() - asked)


async def ask_on_telegram(telegram: FakeTelegram, number: int) -> Times:
    """One person's request in a private chat; the first sign is that the bot types, or its answer
    where Telegram's thirty messages a second leave no room for typing."""
    user = telegram.user(f"T{number}")
    chat = telegram.private(user)
    asked = time.monotonic()
    request = TelegramRequest(await telegram.say(user, chat, f"/escribe {PHRASE}"), telegram)

    def sign_of_life() -> bool:
        typing = any(action.chat is chat for action in telegram.actions)
        return typing or bool(telegram.sent(chat))

    await telegram.world.changes.until(lambda: sign_of_life() or None, START_SECONDS, "sign")
    sign = time.monotonic() - asked
    await request.end()
    return Times(sign, time.monotonic() - asked)


def settings(
    folder: Path,
    admin: DiscordUser,
    discord: FakeDiscord,
    telegram: FakeTelegram,
    candidates: str,
) -> dict[str, str]:
    """This machine's environment with the bundled checkpoint, the fakes and no limits."""
    return plain_environment() | {
        "LITTERAGPT_STATE_DIR": str(folder / "state"),
        "LITTERAGPT_CANDIDATES": candidates,
        "LITTERAGPT_PERSON_PER_MINUTE": "0",
        "LITTERAGPT_PERSON_PER_DAY": "0",
        "LITTERAGPT_SERVER_PER_MINUTE": "0",
        "DISCORD_TOKEN": discord.token,
        "DISCORD_ADMIN_IDS": admin.id,
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_BASE": telegram.base,
    }


def row(name: str, times: Sequence[Times], seconds: float) -> list[str]:
    """A line of the table."""
    cells = [name]
    for values in ([each.sign for each in times], [each.answer for each in times]):
        ordered = sorted(values)
        last = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        cells.append(f"{statistics.median(ordered):.2f} / {last:.2f} s")
    return [*cells, f"{60 * len(times) / seconds:.0f}"]


async def measure(people: int, candidates: str) -> tuple[list[list[str]], list[str]]:
    """The rows of the table, then the bot's /estado and the fakes' violations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
            guild = discord.guild("La Mancha")
            channel = guild.channel("general")
            # Server administrators are shown admins' commands.
            admin = guild.join(discord.user("Admin"), ORDINARY | Permission.ADMINISTRATOR)
            bot = Bot(settings(folder, admin, discord, telegram, candidates), folder / "bot.log")
            await bot.start()
            try:
                await discord.ready(START_SECONDS)
                await discord.synced(START_SECONDS)
                await telegram.connected(START_SECONDS)
                await ask_on_discord(discord, people)  # warm
                rows = []
                for title, on_telegram in (("Discord", 0), ("Discord + Telegram", people)):
                    started = time.monotonic()
                    times = await asyncio.gather(
                        *(ask_on_discord(discord, number) for number in range(people)),
                        *(ask_on_telegram(telegram, number) for number in range(on_telegram)),
                    )
                    rows.append(row(title, times, time.monotonic() - started))
                status = await discord.slash(admin, channel, "estado")
                report = (await status.final(10)).text
            finally:
                await bot.stop()
            return rows, [report, *discord.violations, *telegram.violations]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="at once on each platform")
    parser.add_argument("--candidates", default="auto", help="auto, or 1 to 64 of each sentence")
    people, candidates = (arguments := parser.parse_args()).people, arguments.candidates
    rows, remarks = asyncio.run(measure(people, candidates))
    table = Table(title=f"{people} people at once on each platform, candidates: {candidates}")
    for head in ("platform", "first sign p50 / p99", "answer p50 / p99", "answers a minute"):
        table.add_column(head)
    for cells in rows:
        table.add_row(*cells)
    console = Console()
    console.print(table)
    for remark in remarks:
        console.print(remark)


if __name__ == "__main__":
    main()
