"""A message as users see it, with its previous versions and its pings."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.discord.changes import Changes
from tests.fakes.discord.forms import Flag, components_in, shown_text
from tests.fakes.discord.people import Place, User, mentioned, outside_code
from tests.fakes.discord.snowflakes import now, snowflake
from tests.fakes.discord.strictness import Json, empty_message
from tests.fakes.discord.uploads import File, files_after

# The default for a body without allowed_mentions.
IN_INTERACTIONS: Json = {"parse": ["users"]}
IN_CHANNELS: Json = {"parse": ["users", "roles", "everyone"]}

_LINK = re.compile(r"(?<!<)https?://[^\s<>]+")


@dataclass(eq=False)
class Message:
    """A message in a channel.

    reader: the only user who sees an ephemeral message.
    pings: the notified users, in the notation of `people.mentioned`.
    mentions: the users that any version highlights."""

    place: Place
    author: User
    changes: Changes
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    flags: Flag = field(default_factory=lambda: Flag(0))
    reader: User | None = None
    interaction: Json | None = None
    reply_to: str | None = None
    pings: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)
    history: list[tuple[float, str]] = field(default_factory=list)
    deleted: bool = False
    edited: str | None = None
    created: str = field(default_factory=now)
    id: str = field(default_factory=snowflake)

    @property
    def thinking(self) -> bool:
        """Whether it is shown as "... is thinking"."""
        return bool(self.flags & Flag.LOADING)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & Flag.EPHEMERAL)

    @property
    def text(self) -> str:
        """The content and the text of text displays."""
        return shown_text(self.content, self.components)

    @property
    def previews(self) -> list[str]:
        """Links in the content that have previews."""
        if self.flags & Flag.SUPPRESS_EMBEDS:
            return []
        return _LINK.findall(outside_code(self.content))

    @property
    def buttons(self) -> dict[str, bool]:
        """Button labels, and whether each button is enabled."""
        return {
            str(component.get("label") or component.get("emoji")): not component.get("disabled")
            for component in components_in(self.components)
            if component["type"] == 2
        }

    def visible_to(self, user: User) -> bool:
        """Whether `user` sees the message."""
        if self.deleted or (self.ephemeral and user is not self.reader):
            return False
        return self.place.visible_to(user) or user is self.reader

    def write(self, body: Json, allowed: Json) -> None:
        """Apply a validated body; the first visible text pings.

        allowed: mentions that apply if the body has no allowed_mentions."""
        first = self.thinking or not self.history
        content = body.get("content", self.content) or ""
        embeds = body.get("embeds", self.embeds) or []
        components = body.get("components", self.components) or []
        files = files_after(body, self.files)
        if not (content or embeds or components or files):
            raise empty_message()
        self.content, self.embeds, self.components, self.files = content, embeds, components, files
        self.flags = self.flags_after(body) & ~Flag.LOADING
        chosen = body.get("allowed_mentions", allowed) or {}
        found = mentioned(self.text, self.place, self.author, chosen)
        self.mentions |= found
        if first and not self.ephemeral:
            self.pings |= found
        if not first:
            self.edited = now()
        self.history.append((time.monotonic(), self.content))
        self.changes.happened()

    def flags_after(self, body: Json) -> Flag:
        """The flags after `body`; an edit can set only some of them, and V2 is permanent."""
        if body.get("flags") is None:
            return self.flags
        wanted = Flag(body["flags"]) & (Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2)
        return self.flags & ~Flag.SUPPRESS_EMBEDS | wanted

    def delete(self) -> None:
        """Delete the message for all users."""
        self.deleted = True
        self.changes.happened()

    async def until(self, reached: Callable[[Message], object], seconds: float) -> Message:
        """Wait until `reached` is true, as in `lambda m: "Fin" in m.content`."""
        return await self.changes.until(
            lambda: self if reached(self) else None, seconds, lambda: f"still {self.content!r}"
        )

    async def settled(self, quiet: float, seconds: float) -> Message:
        """Wait until the message has not changed for `quiet` seconds, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while (version := len(self.history)) or time.monotonic() < deadline:
            try:
                await self.until(lambda m, v=version: len(m.history) != v or m.deleted, quiet)  # type: ignore[misc]
            except AssertionError:
                return self
        raise AssertionError(f"still changing after {seconds} s: {self.content!r}")

    def payload(self) -> Json:
        """The message object."""
        message: Json = {
            "id": self.id,
            "type": 0,
            "channel_id": self.place.id,
            "author": self.author.payload(),
            "content": self.content,
            "timestamp": self.created,
            "edited_timestamp": self.edited,
            "tts": False,
            "mention_everyone": bool(self.mentions & {"@everyone", "@here"}),
            "mentions": [],
            "mention_roles": [],
            "attachments": [file.payload() for file in self.files],
            "embeds": [{"type": "rich"} | embed for embed in self.embeds],
            "components": self.components,
            "pinned": False,
            "flags": int(self.flags),
        }
        if self.reply_to is not None:
            message["type"] = 19
            message["message_reference"] = {
                "type": 0,
                "message_id": self.reply_to,
                "channel_id": self.place.id,
            }
        if self.interaction is not None:
            message |= {
                "type": 20 if self.interaction["type"] == 2 else 19,
                "interaction_metadata": self.interaction,
                "webhook_id": self.author.id,
                "application_id": self.author.id,
            }
        return message
