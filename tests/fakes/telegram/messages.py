"""Messages with their edit history, and drafts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram.chats import GENERAL, Chat, User
from tests.fakes.telegram.entities import Entity, covered


@dataclass(frozen=True)
class Version:
    """The content of a message since `at`, in seconds since 1970."""

    text: str
    entities: list[Entity]
    markup: dict[str, Any] | None
    link_preview: dict[str, Any]
    at: float


@dataclass(frozen=True)
class Photo:
    """A photo as sent."""

    data: bytes
    width: int
    height: int

    def to_api(self) -> list[dict[str, Any]]:
        """The available sizes; Telegram adds smaller ones."""
        number = f"photo{len(self.data)}"
        size = {"width": self.width, "height": self.height, "file_size": len(self.data)}
        return [{"file_id": number, "file_unique_id": number} | size]


@dataclass(eq=False)
class Message:
    """A message. `history` has one version per state, beginning with the original."""

    id: int
    chat: Chat
    sender: User
    history: list[Version]
    reply_to: Message | None = None
    topic: int | None = None  # of a forum, General included
    photo: Photo | None = None
    silent: bool = False  # sent with disable_notification
    via_bot: User | None = None
    inline_id: str | None = None  # inline_message_id, if the bot may edit by it
    members_by_name: dict[str, User] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # service fields
    deleted: bool = False
    update_id: int | None = None  # of the update for the bot; None if it received none

    @property
    def date(self) -> float:
        """Time of sending, in seconds since 1970."""
        return self.history[0].at

    @property
    def text(self) -> str:
        """The current text."""
        return self.history[-1].text

    @property
    def entities(self) -> list[Entity]:
        """The current entities."""
        return self.history[-1].entities

    @property
    def markup(self) -> dict[str, Any] | None:
        """The current inline keyboard."""
        return self.history[-1].markup

    @property
    def edits(self) -> list[Version]:
        """The versions after the original."""
        return self.history[1:]

    @property
    def labels(self) -> list[str]:
        """The labels of its buttons."""
        return [button["text"] for button in self._buttons()]

    @property
    def notifies(self) -> bool:
        """Whether it notifies with sound."""
        return not self.silent

    @property
    def pings(self) -> list[str]:
        """Group members that any version mentions, by @username or `text_mention`; they are
        notified even in a muted group.

        Telegram is not known to notify about mentions added by an edit; they count nevertheless,
        because the text shows them."""
        if not self.chat.is_group:
            return []
        pinged: dict[str, None] = {}
        for version in self.history:
            for entity in version.entities:
                if entity["type"] == "text_mention":
                    pinged[entity["user"].get("first_name", str(entity["user"]["id"]))] = None
                name = covered(version.text, entity).removeprefix("@").lower()
                if entity["type"] == "mention" and name in self.members_by_name:
                    pinged["@" + name] = None
        return list(pinged)

    @property
    def previews(self) -> list[str]:
        """The links with a preview; empty if previews are disabled."""
        if self.history[-1].link_preview.get("is_disabled"):
            return []
        if url := self.history[-1].link_preview.get("url"):
            return [url]
        return [
            entity.get("url") or covered(self.text, entity)
            for entity in self.entities
            if entity["type"] in ("url", "text_link")
        ]

    def button(self, label: str) -> dict[str, Any]:
        """The button with this label. Raises AssertionError without one."""
        for button in self._buttons():
            if button["text"] == label:
                return button
        raise AssertionError(f"no button {label!r} among {self.labels} under {self.text!r}")

    def _buttons(self) -> list[dict[str, Any]]:
        return [button for row in (self.markup or {}).get("inline_keyboard", []) for button in row]

    def to_api(self, *, with_reply: bool = True) -> dict[str, Any]:
        """The Message object of the Bot API."""
        message: dict[str, Any] = {
            "message_id": self.id,
            "date": int(self.date),
            "chat": self.chat.to_api(),
        }
        if self.chat.type == "channel":
            message["sender_chat"] = self.chat.to_api()
        else:
            message["from"] = self.sender.to_api()
        if self.photo is not None:
            message["photo"] = self.photo.to_api()
        if self.text:
            message["text" if self.photo is None else "caption"] = self.text
        if self.entities:
            message["entities" if self.photo is None else "caption_entities"] = self.entities
        if self.edits:
            message["edit_date"] = int(self.history[-1].at)
        if self.markup:
            message["reply_markup"] = self.markup
        if self.history[-1].link_preview:
            message["link_preview_options"] = self.history[-1].link_preview
        if self.via_bot:
            message["via_bot"] = self.via_bot.to_api()
        if self.reply_to and with_reply and not self.reply_to.deleted:
            message["reply_to_message"] = self.reply_to.to_api(with_reply=False)
        return message | self._thread() | self.extra

    def _thread(self) -> dict[str, Any]:
        # Replies in a supergroup without topics also have a thread id, that of the first message.
        # It is not a topic, and sending with it is refused.
        if self.topic not in (None, GENERAL):
            return {"message_thread_id": self.topic, "is_topic_message": True}
        if self.chat.type == "supergroup" and not self.chat.is_forum and self.reply_to:
            first = self.reply_to
            while first.reply_to:
                first = first.reply_to
            return {"message_thread_id": first.id}
        return {}


@dataclass(frozen=True)
class Draft:
    """A text shown during generation (sendMessageDraft)."""

    chat: Chat
    id: int
    text: str
    can_stop: bool
    at: float


@dataclass(frozen=True)
class Action:
    """A chat action such as typing (sendChatAction)."""

    chat: Chat
    action: str
    topic: int | None
    at: float

    @property
    def is_shown(self) -> bool:
        """Whether it is visible: in a forum, only with its topic, General included."""
        return self.topic is not None or not self.chat.is_forum
