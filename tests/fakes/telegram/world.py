"""The server's state: users, chats, messages and offences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.fakes.telegram.chats import Chat, User, member_to_api
from tests.fakes.telegram.entities import Entity, detected
from tests.fakes.telegram.messages import Action, Message, Version
from tests.fakes.telegram.waiting import Changes, Clock


@dataclass
class Features:
    """The bot's configuration in @BotFather, as getMe reports it."""

    can_join_groups: bool = True
    can_read_all_group_messages: bool = False  # True: privacy mode is off
    supports_inline_queries: bool = True
    supports_guest_queries: bool = True
    inline_feedback: bool = False  # whether chosen_inline_result is sent; not in getMe


@dataclass(frozen=True)
class Call:
    """A request of the client and its response."""

    method: str
    parameters: Mapping[str, Any]
    at: float
    status: int
    description: str = ""


@dataclass(frozen=True)
class Flooded:
    """A request beyond a flood limit."""

    method: str
    chat_id: int
    retry_after: int
    at: float


@dataclass
class World:
    """All state except HTTP. `update` queues an update and returns its id."""

    bot: User
    features: Features
    update: Callable[[str, dict[str, Any]], int]
    clock: Clock = field(default_factory=Clock)
    changes: Changes = field(default_factory=Changes)
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    flooded: list[Flooded] = field(default_factory=list)
    # Chats whose refusal the client has received; another request to one is an offence.
    told: set[int] = field(default_factory=set)
    _ids: count[int] = field(default_factory=lambda: count(1001))
    _message_ids: count[int] = field(default_factory=lambda: count(1))

    def fresh(self) -> int:
        """A unique number."""
        return next(self._ids)

    def chat(self, number: int, kind: Any, title: str, **fields: Any) -> Chat:
        """Create a chat."""
        if kind in ("private", "group"):
            fields["ids"] = self._message_ids
        self.chats[number] = Chat(number, kind, title, **fields)
        return self.chats[number]

    def named(self, username: str) -> Chat | None:
        """The public chat with this username."""
        wanted = username.removeprefix("@").lower()
        for chat in self.chats.values():
            if chat.type != "private" and (chat.username or "").lower() == wanted:
                return chat
        return None

    def post(
        self,
        chat: Chat,
        sender: User,
        text: str,
        *,
        entities: list[Entity] | None = None,
        markup: dict[str, Any] | None = None,
        link_preview: dict[str, Any] | None = None,
        ago: float = 0.0,
        **fields: Any,
    ) -> Message:
        """Add a message to a chat, `ago` seconds in the past; `fields` as in Message."""
        found = detected(text) if entities is None else entities
        first = Version(text, found, markup, link_preview or {}, self.clock.now() - ago)
        names = {
            user.username.lower(): user
            for user in self.users.values()
            if user.username and chat.has(user)
        }
        message = Message(next(chat.ids), chat, sender, [first], members_by_name=names, **fields)
        chat.messages[message.id] = message
        if sender is self.bot:
            chat.ours_spoke_last = True
        self.changes.happened()
        return message

    def revise(self, message: Message, version: Version) -> None:
        """Add a version to a message."""
        message.history.append(version)
        self.changes.happened()

    def member_changed(self, chat: Chat, by: User, status: Any) -> None:
        """Change the bot's own membership and send my_chat_member.

        In a private chat that is blocking and unblocking."""
        before = chat.status(self.bot)
        chat.members[self.bot.id] = status
        self.told.discard(chat.id)
        self.update(
            "my_chat_member",
            {
                "chat": chat.to_api(),
                "from": by.to_api(),
                "date": int(self.clock.now()),
                "old_chat_member": member_to_api(self.bot, before),
                "new_chat_member": member_to_api(self.bot, status),
            },
        )
