"""The context of an update: the core, the outbox, the bot's own user, and helpers of handlers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from telegram import Message, User

from bot.adapters.telegram.outbox import Markup, Outbox, Place
from bot.adapters.telegram.rendering import Rendered, plain
from bot.context import Core
from bot.requests.closing_phrase import closing_phrase
from bot.requests.job import Requester
from bot.requests.platform import Platform
from bot.texts import language_of
from model.text.normalize import normalize

NAME = "telegram"
PATIENCE_SECONDS = 600.0
# Keys of the notes that hold the place of an answer which a crash could lose: see bot.texts.
RESUMED, BEGUN = "resumed", "begun"


@dataclass
class Event:
    """An update that is being handled."""

    # Its key in the store, None if it is not stored.
    key: str | None = None
    # Whether it arrived before this process or connection.
    waited: bool = False
    # Whether a job has taken over the event's key.
    taken: bool = False

    def take(self) -> str | None:
        """Hand the event over to a job; returns the key."""
        self.taken = True
        return self.key


@dataclass(frozen=True)
class Context:
    """What all handlers of one connection use."""

    core: Core
    platform: Platform
    outbox: Outbox
    me: User
    # When the connection began, in seconds since 1970 by Telegram's clock.
    since: float

    def is_late(self, message: Message) -> bool:
        """Whether a request had waited for too long when this connection began.

        A message that arrives later is never late. This machine's clock may be wrong.
        """
        return self.since - message.date.timestamp() > PATIENCE_SECONDS

    def note_for(self, event: Event) -> str | None:
        """The key of a note to send at once and replace by the answer; None if none is needed."""
        if event.waited:
            return RESUMED
        return BEGUN if self.core.store.shaky else None

    def is_named(self, text: str) -> bool:
        """Whether a text contains the bot's @name."""
        return self._name.search(text) is not None

    def without_name(self, text: str) -> str:
        """A text without the bot's @name and the punctuation behind it, normalized."""
        return normalize(self._name.sub(" ", text)).lstrip(" ,:;")

    @cached_property
    def _name(self) -> re.Pattern[str]:
        name = re.escape(self.me.username or "")
        return re.compile(rf"(?<![\w.@])(?:/escribe)?@{name}\b", re.IGNORECASE)

    def wrote(self, message: Message) -> bool:
        """Whether the bot wrote this message."""
        return message.from_user is not None and message.from_user.id == self.me.id

    async def reply(
        self, message: Message, text: str | Rendered, markup: Markup | None = None
    ) -> None:
        """Reply to a message."""
        content = plain(text) if isinstance(text, str) else text
        place = Place.of(message)
        await self.outbox.deliver(place, content, reference="a reply", markup=markup)


def requester(user: User, message: Message | None = None) -> Requester:
    """The requester, with the chat unless it is private or unknown."""
    private = message is None or message.chat.type == message.chat.PRIVATE
    place = None if private or message is None else message.chat.id
    return Requester(NAME, user.id, place, language_of(user.language_code))


def replied_phrase(message: Message, target: Message, limit: int) -> str:
    """The phrase that a reply to `target` continues: the quoted part or else the whole text, and of
    a text longer than `limit` characters its end."""
    quoted = message.quote.text if message.quote is not None else ""
    text = normalize(quoted or target.text or target.caption or "")
    return text if len(text) <= limit else closing_phrase(text, limit)
