"""Everything the bot sends into a chat: once where that can be known, and until it stands.

A request whose connection breaks may or may not have had its effect, and Telegram offers no way to
ask. The rule: an edit is simply made again ("message is not modified" means that it stands); a
message is sent again, so that seldom there are two, and never none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from telegram import ForceReply, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.adapters.telegram.link import Link, in_short
from bot.adapters.telegram.rate_limiter import DroppedError, Priority, seconds_of
from bot.adapters.telegram.rendering import Picture, Rendered

log = logging.getLogger(__name__)

PICTURE_NAME = "litteragpt.png"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
# How long a message is tried for, and the pauses in between.
STAND_SECONDS = 600.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 20.0
REMEMBERED = 10_000  # chats that are gone or have moved

Markup = InlineKeyboardMarkup | ForceReply
_Value = TypeVar("_Value")
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")


class _Verdict(Enum):
    """What is to be done about a message that could not be delivered."""

    STANDS = auto()  # it was, after all
    ANEW = auto()  # as a new message
    AGAIN = auto()  # as it is
    UNWANTED = auto()  # nothing, and nobody need be told
    HOPELESS = auto()  # nothing


@dataclass
class Place:
    """Where in Telegram: a chat, the topic in it, and the message that is answered.

    It changes when the group moves to another id or the topic is closed.
    """

    chat: int
    thread: int | None = None
    reply_to: int | None = None

    @classmethod
    def of(cls, message: Message) -> Place:
        """The place of an answer to a message. General is no topic to be named: its id is refused
        (tdlib/telegram-bot-api#447), and threads of replies are none either."""
        thread = message.message_thread_id if message.is_topic_message else None
        return cls(message.chat.id, thread, message.message_id)

    @property
    def reply(self) -> ReplyParameters | None:
        """The message that is answered, as a request wants it; it may be gone."""
        if self.reply_to is None:
            return None
        return ReplyParameters(self.reply_to, allow_sending_without_reply=True)


class Outbox:
    """Sends through whichever connection lives; used by all of them."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self._absent: OrderedDict[int, None] = OrderedDict()
        self._moved: OrderedDict[int, int] = OrderedDict()

    def connected(self) -> Link:
        """The connection; raises NetworkError between two lives."""
        if self.link is None:
            raise NetworkError("not connected")
        return self.link

    def leave(self, chat: int) -> None:
        """Remember that a chat does not want us: nothing is sent there any more."""
        _remember(self._absent, chat, None)

    def enter(self, chat: int) -> None:
        """Forget that: somebody there talks to us."""
        self._absent.pop(chat, None)

    def follow(self, old: int, new: int) -> None:
        """Remember that a group has another id now."""
        _remember(self._moved, old, new)

    async def stand(
        self,
        place: Place,
        content: Rendered | Picture,
        *,
        reference: str,
        edit: int | None = None,
        markup: Markup | None = None,
        priority: Priority = Priority.NOTICE,
    ) -> int | None:
        """Send a message, or edit one, until it stands; its id, None when that cannot be.

        Never raises for a message that cannot be delivered: that is one line of the log.
        """
        failure: TelegramError | None = None
        for pause in _pauses():
            try:
                return await self.put(place, content, edit=edit, markup=markup, priority=priority)
            except TelegramError as error:
                failure = error
            match self._judge(failure, place, editing=edit is not None):
                case _Verdict.STANDS:
                    return edit
                case _Verdict.UNWANTED:
                    log.info("%s is not wanted: %s", reference, in_short(failure))
                    return None
                case _Verdict.HOPELESS:
                    break
                case _Verdict.ANEW:
                    edit = None
            held = seconds_of(failure) if isinstance(failure, RetryAfter) else 0.0
            await asyncio.sleep(max(pause, held))
        if failure is not None:
            log.warning("%s cannot be delivered: %s", reference, in_short(failure))
        return None

    async def put(
        self,
        place: Place,
        content: Rendered | Picture,
        *,
        edit: int | None = None,
        markup: Markup | None = None,
        priority: Priority = Priority.NOTICE,
    ) -> int | None:
        """Send a message once, or edit one; a picture is always sent. Raises TelegramError,
        DroppedError among them."""
        place.chat = self._moved.get(place.chat, place.chat)
        if place.chat in self._absent:
            return None
        link = self.connected()
        if isinstance(content, Picture):
            return await self._put_picture(link, place, content, markup, priority)
        if edit is not None:
            await link.edit_message_text(
                content.text,
                place.chat,
                edit,
                entities=content.entities,
                link_preview_options=NO_PREVIEW,
                reply_markup=markup if isinstance(markup, InlineKeyboardMarkup) else None,
                rate_limit_args=priority,
            )
            return edit
        message = await link.send_message(
            place.chat,
            content.text,
            entities=content.entities,
            link_preview_options=NO_PREVIEW,
            reply_markup=markup,
            reply_parameters=place.reply,
            message_thread_id=place.thread,
            rate_limit_args=priority,
        )
        return message.message_id

    async def _put_picture(
        self, link: Link, place: Place, picture: Picture, markup: Markup | None, priority: Priority
    ) -> int:
        message = await link.send_photo(
            place.chat,
            picture.data,
            filename=PICTURE_NAME,
            reply_markup=markup,
            reply_parameters=place.reply,
            message_thread_id=place.thread,
            rate_limit_args=priority,
        )
        return message.message_id

    async def show_typing(self, place: Place) -> None:
        """Show for some seconds that something is being written; never worth waiting for, and its
        failure is nobody's concern."""
        place.chat = self._moved.get(place.chat, place.chat)
        if place.chat in self._absent:
            return
        try:
            await self.connected().send_chat_action(
                place.chat,
                ChatAction.TYPING,
                message_thread_id=place.thread,
                rate_limit_args=Priority.TYPING,
            )
        except ChatMigrated as error:
            self.follow(place.chat, error.new_chat_id)
        except Forbidden:
            self.leave(place.chat)
        except TelegramError as error:
            log.debug("no typing: %s", in_short(error))

    def _judge(self, error: TelegramError, place: Place, *, editing: bool) -> _Verdict:
        """What a failure means for a message; learns from it where messages can still go."""
        match error:
            case ChatMigrated():
                self.follow(place.chat, error.new_chat_id)
                return _Verdict.ANEW  # the numbers of messages do not move along
            case Forbidden():
                self.leave(place.chat)
                return _Verdict.UNWANTED
            case DroppedError():
                return _Verdict.UNWANTED
            case InvalidToken():
                return _Verdict.HOPELESS
            case BadRequest():
                return _judge_request(error.message.lower(), place, editing=editing)
            case _:  # broken connections, 5xx, 429, answers that are no JSON
                return _Verdict.AGAIN


def _judge_request(problem: str, place: Place, *, editing: bool) -> _Verdict:
    """What it means that Telegram finds a request bad."""
    if "not modified" in problem:
        return _Verdict.STANDS
    if editing and any(gone in problem for gone in _GONE):
        return _Verdict.ANEW
    if place.thread is not None and "thread not found" in problem:
        place.thread = None
        return _Verdict.ANEW
    return _Verdict.HOPELESS


def _pauses() -> Iterator[float]:
    until = time.monotonic() + STAND_SECONDS
    pause = FIRST_PAUSE
    while time.monotonic() < until:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _remember(memory: OrderedDict[int, _Value], key: int, value: _Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
