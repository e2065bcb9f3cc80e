"""Users who ask again after each answer, and record every request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from bot.texts import ENGLISH, SPANISH, say
from tests.fakes.discord import FakeDiscord, Shard
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.messages import Message as DiscordMessage
from tests.fakes.telegram import FakeTelegram, Message

PHRASE = "En un lugar de la Mancha"
# Longer than any recovery; an unanswered request counts as lost.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05
ALL = Shard()
# Notices about an interrupted request, until the answer replaces them.
NOTES = {say(key, language) for key in ("resumed", "begun") for language in (SPANISH, ENGLISH)}


class Request(Protocol):
    """One request: whether it was accepted, its number of final answers, and whether one of them is
    a generated text instead of an error."""

    @property
    def accepted(self) -> bool: ...

    @property
    def answers(self) -> int: ...

    @property
    def written(self) -> bool: ...

    @property
    def notes(self) -> int: ...

    async def end(self) -> None: ...


@dataclass(frozen=True)
class Wait:
    """From a request to its answer, in monotonic seconds."""

    asked: float
    answered: float

    @property
    def seconds(self) -> float:
        return self.answered - self.asked


@dataclass
class Record:
    """All requests on one platform."""

    requests: list[Request] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

    @property
    def answered(self) -> list[float]:
        """Times of all answers, in monotonic seconds."""
        return [each.answered for each in self.waits]

    @property
    def accepted(self) -> list[Request]:
        return [each for each in self.requests if each.accepted]

    @property
    def lost(self) -> list[Request]:
        return [each for each in self.accepted if each.answers == 0]

    @property
    def duplicated(self) -> list[Request]:
        return [each for each in self.accepted if each.answers > 1]

    @property
    def notes(self) -> int:
        """Number of messages that still promise an answer."""
        return sum(each.notes for each in self.accepted)

    @property
    def apologies(self) -> list[Request]:
        """Requests whose answer is an error."""
        return [each for each in self.accepted if each.answers and not each.written]


@dataclass
class DiscordRequest:
    """Accepted when Discord has the acknowledgement, because the user then sees "thinking"."""

    interaction: Interaction

    async def end(self) -> None:
        """Wait for the answer. Raises AssertionError after PATIENCE_SECONDS."""
        await self.interaction.acknowledged()
        changes = self.interaction.changes
        await changes.until(lambda: self.answers, PATIENCE_SECONDS, lambda: "no answer")

    @property
    def accepted(self) -> bool:
        return self.interaction.answered_after is not None

    @property
    def answers(self) -> int:
        return sum(is_final(each.content, each.buttons) for each in self._shown)

    @property
    def written(self) -> bool:
        return any(PHRASE in each.content for each in self._shown)

    @property
    def notes(self) -> int:
        return sum(each.thinking for each in self._shown)

    @property
    def _shown(self) -> list[DiscordMessage]:
        original = [] if self.interaction.original is None else [self.interaction.original]
        return [each for each in (*original, *self.interaction.followups) if not each.deleted]


@dataclass
class TelegramRequest:
    """Accepted when sent: Telegram keeps a message until the bot confirms it."""

    message: Message
    telegram: FakeTelegram
    accepted: bool = True

    async def end(self) -> None:
        """Wait for the answer. Raises AssertionError after PATIENCE_SECONDS."""
        changes = self.telegram.world.changes
        await changes.until(lambda: self.answers or None, PATIENCE_SECONDS, "answer")

    @property
    def answers(self) -> int:
        return sum(
            is_final(each.text, each.labels) for each in self.telegram.replies_to(self.message)
        )

    @property
    def written(self) -> bool:
        return any(PHRASE in each.text for each in self.telegram.replies_to(self.message))

    @property
    def notes(self) -> int:
        return sum(each.text in NOTES for each in self.telegram.replies_to(self.message))


def is_final(text: str, buttons: Collection[str]) -> bool:
    """Whether a message is final, neither preview nor notice: it has buttons, or is an error."""
    return bool(buttons) or (bool(text) and PHRASE not in text and text not in NOTES)


async def ask_on_discord(
    discord: FakeDiscord, name: str, record: Record, shard: Shard = ALL
) -> None:
    """Ask repeatedly, and retry if Discord reports that the bot did not respond: in a private chat,
    which belongs to the first shard, or in a server of another shard."""
    user = discord.user(name, installed=True)
    place = discord.dm(user)
    if shard.id:
        guild = discord.guild(f"Servidor de {name}", shard=shard)
        guild.join(user)
        place = guild.channel("general")
    for number in itertools.count():
        began = time.monotonic()
        interaction = await discord.slash(user, place, "escribe", frase=f"{PHRASE} {number}")
        request = DiscordRequest(interaction)
        record.requests.append(request)
        with contextlib.suppress(AssertionError):  # not acknowledged, or lost; counted at the end
            await request.end()
            record.waits.append(Wait(began, time.monotonic()))
        await asyncio.sleep(PAUSE_SECONDS)


async def ask_on_telegram(telegram: FakeTelegram, name: str, record: Record) -> None:
    """Ask repeatedly in a private chat."""
    user = telegram.user(name)
    chat = telegram.private(user)
    for number in itertools.count():
        began = time.monotonic()
        message = await telegram.say(user, chat, f"/escribe {PHRASE} {number}")
        request = TelegramRequest(message, telegram)
        record.requests.append(request)
        with contextlib.suppress(AssertionError):  # lost; counted at the end
            await request.end()
            record.waits.append(Wait(began, time.monotonic()))
        await asyncio.sleep(PAUSE_SECONDS)
