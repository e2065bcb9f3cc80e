"""What people see of the running bot: `litteragpt bot`, on the servers of `tests/fakes/`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.texts import say
from docs.generate.pictures import surroundings
from tests.bot.adapters.discord.reading import seen
from tests.bot.adapters.telegram.talk import phrase_of, text_of
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

SECONDS = 60.0
# Telegram's commands take no seed, so the random source, and nothing else, is replaced.
_PROGRAM = """
import bot.settings.settings
bot.settings.settings.new_seed = lambda: {seed}
from bot.cli import main
main()
"""


@dataclass(frozen=True)
class Shown:
    """A request and its answer: what the person did, the answer's phrase and continuation, and
    the labels of its buttons, row by row."""

    asked: str
    phrase: str
    continuation: str
    buttons: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Conversations:
    """An answer on each platform, and the card that a button of Discord's showed (PNG)."""

    discord: Shown
    telegram: Shown
    card: bytes


async def converse(
    folder: Path, discord: tuple[str, int], telegram: tuple[str, int]
) -> Conversations:
    """Ask the bot on both platforms, each for a phrase and a seed. Its log goes to `folder`."""
    async with FakeDiscord() as chat, FakeTelegram() as messenger:
        async with _bot(folder, chat, messenger, seed=telegram[1]):
            answer, card = await _on_discord(chat, *discord)
            shown = Conversations(answer, await _on_telegram(messenger, telegram[0]), card)
        assert not [*chat.violations, *messenger.violations]
        return shown


@asynccontextmanager
async def _bot(
    folder: Path, discord: FakeDiscord, telegram: FakeTelegram, seed: int
) -> AsyncIterator[None]:
    settings = {
        "LITTERAGPT_STATE_DIR": str(folder),
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_BASE": telegram.base,
    }
    discord.guild("La Mancha").channel("general")
    with (folder / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROGRAM.format(seed=seed), "bot"),
            env=surroundings() | settings,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
    try:
        await discord.ready(SECONDS)
        await discord.synced(SECONDS)
        await telegram.connected(SECONDS)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _on_discord(discord: FakeDiscord, phrase: str, seed: int) -> tuple[Shown, bytes]:
    guild = discord.guilds[0]
    ana = guild.join(discord.user("Ana"))
    place = next(place for place in guild.places)
    asked = await discord.slash(ana, place, "escribe", frase=phrase, semilla=seed)
    message = await (await asked.final(SECONDS)).until(lambda each: each.buttons, SECONDS)
    pressed = await discord.press(ana, message, say("button_card"))
    (card,) = (await pressed.final(SECONDS)).files
    answer = seen(message)
    rows = tuple(
        tuple(str(button["label"]) for button in row["components"]) for row in message.components
    )
    return Shown(f"/{asked.data['name']}", answer.phrase, answer.continuation, rows), card.data


async def _on_telegram(telegram: FakeTelegram, phrase: str) -> Shown:
    ana = telegram.user("Ana")
    asked = await telegram.say(ana, telegram.private(ana), phrase)
    message = await telegram.reply_to(asked, SECONDS)
    await telegram.world.changes.until(lambda: message.labels or None, SECONDS, "buttons")
    begins = phrase_of(message)
    keyboard = (message.markup or {})["inline_keyboard"]
    rows = tuple(tuple(str(button["text"]) for button in row) for row in keyboard)
    return Shown(asked.text, begins, text_of(message)[len(begins) :], rows)
