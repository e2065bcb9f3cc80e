"""Floods of requests are refused politely and in bounded memory while other users are served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from bot.texts import say
from tests.bot.outside.stage import PHRASE, Stage
from tests.chaos.people import DiscordRequest
from tests.fakes.discord.interactions import Interaction

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]

# The permitted memory growth after a flood.
GROWTH_BYTES = 64 << 20


async def ended(asked: Interaction) -> str:
    """The final reply to an interaction, without previews and queue notices."""
    await DiscordRequest(asked).end()
    shown = [each for each in (asked.original, *asked.followups) if each and not each.deleted]
    return shown[-1].text.replace("\\", "")  # Markdown escapes


async def responded(asked: list[Interaction]) -> None:
    """Assert that each interaction was acknowledged within Discord's three seconds."""
    await asyncio.gather(*(each.acknowledged() for each in asked))


async def crowd(start: Callable[[int], Awaitable[Interaction]], count: int) -> list[Interaction]:
    """Start `count` interactions, at most as many at once as this machine acknowledges in a
    second."""
    asked: list[Interaction] = []
    size = 50
    while len(asked) < count:
        began = time.monotonic()
        wave = [await start(number) for number in range(len(asked), len(asked) + size)]
        await responded(wave)
        asked += wave
        size = min(count - len(asked), max(10, int(size / (time.monotonic() - began))))
    return asked


async def test_thousand_requests_of_one_person(stage: Stage) -> None:
    guild, before = stage.channel.guild, stage.memory
    assert guild is not None
    pest = guild.join(stage.discord.user("Pelma"))

    async def start(number: int) -> Interaction:
        return await stage.discord.slash(pest, stage.channel, "escribe", frase=PHRASE)

    asked = await crowd(start, 1000)
    told = await asyncio.gather(*map(ended, asked))
    assert sum(PHRASE in text for text in told) <= 5  # the limit per minute
    assert sum(text.startswith("Han sido muchas peticiones") for text in told) > 900
    await stage.serves_others()
    assert stage.memory - before < GROWTH_BYTES
    assert stage.discord.violations == []


async def test_thousand_requests_of_five_hundred_people(stage: Stage) -> None:
    guild, before = stage.channel.guild, stage.memory
    assert guild is not None
    people = [stage.discord.user(f"P{number}", installed=True) for number in range(500)]
    places = [stage.discord.dm(each) for each in people]

    async def start(number: int) -> Interaction:
        who = number % len(people)
        return await stage.discord.slash(people[who], places[who], "escribe", frase=PHRASE)

    asked = await crowd(start, 1000)
    told = await asyncio.gather(*map(ended, asked))
    full = say("queue_full", limit=256)
    assert sum(PHRASE in text for text in told) >= 256
    assert all(PHRASE in text or text in {say("busy"), full} for text in told)
    await stage.serves_others()
    assert stage.memory - before < GROWTH_BYTES
    assert stage.discord.violations == []


async def test_thousand_telegram_messages_of_one_person(stage: Stage) -> None:
    telegram, before = stage.telegram, stage.memory
    pest = telegram.user("Pelma")
    home = telegram.private(pest)
    for number in range(1000):
        last = await telegram.say(pest, home, f"{PHRASE} {number}")
    await telegram.took(last.update_id or 0, 60)
    await stage.serves_others()
    told = telegram.sent(home)
    assert 0 < len(told) <= 20  # no replies after that
    assert stage.memory - before < GROWTH_BYTES
    assert telegram.violations == []


async def test_flood_of_button_presses(stage: Stage) -> None:
    guild = stage.channel.guild
    assert guild is not None
    ana, pest = guild.join(stage.discord.user("Ana")), guild.join(stage.discord.user("Pelma2"))
    asked = await stage.discord.slash(ana, stage.discord.dm(ana), "escribe", frase=PHRASE)
    message = await asked.final(30)
    pressed = [await stage.discord.press(ana, message, "Otra vez") for _ in range(100)]
    # Discord does not deliver presses of nonexistent buttons; a malformed one must do no harm.
    for custom_id in ("", "d.1.1.2080.c7d1.", "x" * 100, "c.\ud83d", "r.previous") * 20:
        await stage.discord.forge_press(pest, message, custom_id)
    await responded(pressed)
    await stage.serves_others()
    stage.discord.violations[:] = [
        each for each in stage.discord.violations if "custom_id" not in each
    ]
    assert stage.discord.violations == []


@pytest.mark.parametrize(
    "text", ["a" * 10_000, "🙂" * 400, "\x00\u202e\u200b", "\u0301" * 5000, "ﷺ" * 10_000, "\ud800"]
)
async def test_answers_any_unicode_of_any_length(stage: Stage, text: str) -> None:
    guild = stage.channel.guild
    assert guild is not None
    ana = guild.join(stage.discord.user("Ana"))
    option = {"name": "frase", "type": 3, "value": text}
    asked = await stage.discord.forge_slash(ana, stage.discord.dm(ana), "escribe", [option])
    assert (await asked.final(30)).text
    user = stage.telegram.user("Eva")
    chat = stage.telegram.private(user)
    content = {"date": 1, "chat": chat.to_api(), "from": user.to_api(), "text": text}
    stage.telegram.malformed_update({"message": {"message_id": 990_000} | content})
    await stage.serves_others()
    stage.discord.violations.clear()
    stage.telegram.violations.clear()
