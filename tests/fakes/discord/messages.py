"""A message as everybody sees it, with what it was before and whom it has pinged."""

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

# What is allowed when a body says nothing.
IN_INTERACTIONS: Json = {"parse": ["users"]}
IN_CHANNELS: Json = {"parse": ["users", "roles", "everyone"]}

_LINK = re.compile(r"(?<!<)https?://[^\s<>]+")


@dataclass(eq=False)
class Message:
    """A message in a place.

    `reader` is the only person who sees an ephemeral one. `pings` are those who were notified, in
    the words of `people.mentioned`; `mentions` are those whom any version of it highlighted.
    """

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
        """Whether people see "... is thinking" in its stead."""
        return bool(self.flags & Flag.LOADING)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & Flag.EPHEMERAL)

    @property
    def text(self) -> str:
        """The content and the text of displays."""
        return shown_text(self.content, self.components)

    @property
    def previews(self) -> list[str]:
        """The links of the content that unfold into previews."""
        if self.flags & Flag.SUPPRESS_EMBEDS:
            return []
        return _LINK.findall(outside_code(self.content))

    @property
    def buttons(self) -> dict[str, bool]:
        """The labels of the buttons, and whether each can be pressed."""
        return {
            str(component.get("label") or component.get("emoji")): not component.get("disabled")
            for component in components_in(self.components)
            if component["type"] == 2
        }

    def visible_to(self, user: User) -> bool:
        """Whether `user` sees it now."""
        if self.deleted or (self.ephemeral and user is not self.reader):
            return False
        return self.place.visible_to(user) or user is self.reader

    def write(self, body: Json, allowed: Json) -> None:
        """Apply the parts of a checked body; the first text that people see pings.

        `allowed` are the mentions that count when the body does not say.
        """
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
        """The flags once `body` is applied; an edit can set no others, and V2 stays."""
        if body.get("flags") is None:
            return self.flags
        wanted = Flag(body["flags"]) & (Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2)
        return self.flags & ~Flag.SUPPRESS_EMBEDS | wanted

    def delete(self) -> None:
        """Nobody sees it any more."""
        self.deleted = True
        self.changes.happened()

    async def until(self, reached: Callable[[Message], object], seconds: float) -> Message:
        """Wait until the message satisfies `reached`, as in `lambda m: "Fin" in m.content`."""
        return await self.changes.until(
            lambda: self if reached(self) else None, seconds, lambda: f"still {self.content!r}"
        )

    async def settled(self, quiet: float, seconds: float) -> Message:
        """Wait until nothing has been written to it for `quiet` seconds, at most `seconds`."""
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
