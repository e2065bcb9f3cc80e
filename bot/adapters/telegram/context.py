"""What those who handle updates work with during one connection's life."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from telegram import Message, User

from bot.adapters.telegram.outbox import Markup, Outbox, Place
from bot.adapters.telegram.rendering import Rendered, plain
from bot.context import Core
from bot.requests.job import Requester
from bot.requests.platform import Platform
from bot.texts import language_of

NAME = "telegram"
PATIENCE_SECONDS = 600.0
# What stands in the place of an answer for as long as it may be lost: see bot.texts.
RESUMED, BEGUN = "resumed", "begun"


@dataclass
class Event:
    """An update that is being handled: its key in the store, if it is kept there, whether it was
    there before we were, and whether a job answers for it from now on."""

    key: str | None = None
    waited: bool = False
    taken: bool = False

    def take(self) -> str | None:
        """Have a job answer for it; the key."""
        self.taken = True
        return self.key


@dataclass(frozen=True)
class Context:
    """The core, the way out, and who we are."""

    core: Core
    platform: Platform
    outbox: Outbox
    me: User
    since: float = field(default_factory=time.time)  # seconds since 1970

    def is_late(self, message: Message) -> bool:
        """Whether a request had waited for so long when we came that its writer has gone on.

        What comes while we serve is never late, however wrong this machine's clock may be.
        """
        return self.since - message.date.timestamp() > PATIENCE_SECONDS

    def note_for(self, event: Event) -> str | None:
        """The key of what is said at once to somebody who asks, in the place of the answer; None
        where the answer can come by itself."""
        if event.waited:
            return RESUMED
        return BEGUN if self.core.store.shaky else None

    def wrote(self, message: Message) -> bool:
        """Whether a message is one of ours."""
        return message.from_user is not None and message.from_user.id == self.me.id

    async def reply(
        self, message: Message, text: str | Rendered, markup: Markup | None = None
    ) -> None:
        """Answer a message with a text of our own."""
        content = plain(text) if isinstance(text, str) else text
        place = Place.of(message)
        await self.outbox.stand(place, content, reference="a reply", markup=markup)


def requester(user: User, message: Message | None = None) -> Requester:
    """Who asks, and where; without a message nobody knows where."""
    private = message is None or message.chat.type == message.chat.PRIVATE
    place = None if private or message is None else message.chat.id
    return Requester(NAME, user.id, place, language_of(user.language_code))
