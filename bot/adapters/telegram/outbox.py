"""Delivery of messages into chats, at least once.

After a broken connection Telegram offers no way to learn whether a request took effect. An edit is
idempotent and is repeated ("message is not modified" means success). A message is sent again, so
that in rare cases it appears twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
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

from bot.adapters.telegram.connection import BotConnection, summarize_error
from bot.adapters.telegram.rate_limiter import DroppedError, Priority, seconds_of
from bot.adapters.telegram.rendering import Picture, Rendered
from bot.net.backoff import Backoff

log = logging.getLogger(__name__)

PICTURE_NAME = "litteragpt.png"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
# How long delivery is retried, and the delays in between.
DELIVERY_SECONDS = 600.0
FIRST_DELAY, LONGEST_DELAY = 0.25, 20.0
REMEMBERED = 10_000  # chats that the bot has left or that have moved

Markup = InlineKeyboardMarkup | ForceReply
_Value = TypeVar("_Value")
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")


class _Verdict(Enum):
    """How to proceed after a failed request."""

    DELIVERED = auto()  # it had taken effect
    AS_NEW = auto()  # send a new message
    RETRY = auto()  # repeat the request
    UNWANTED = auto()  # give up; normal
    IMPOSSIBLE = auto()  # give up


@dataclass
class Place:
    """A place for a message: a chat, a topic in it, and the message to reply to.

    Changes when the group moves to another id or the topic is closed.
    """

    chat: int
    thread: int | None = None
    reply_to: int | None = None

    @classmethod
    def of(cls, message: Message) -> Place:
        """The place of a reply to a message. Requests must not name the topic General
        (tdlib/telegram-bot-api#447), nor a thread of replies."""
        thread = message.message_thread_id if message.is_topic_message else None
        return cls(message.chat.id, thread, message.message_id)

    @property
    def reply(self) -> ReplyParameters | None:
        """The parameter for the message to reply to, which may have been deleted."""
        if self.reply_to is None:
            return None
        return ReplyParameters(self.reply_to, allow_sending_without_reply=True)


class Outbox:
    """Sends through the current connection; outlives all connections."""

    def __init__(self) -> None:
        self.bot: BotConnection | None = None
        self._absent: OrderedDict[int, None] = OrderedDict()
        self._moved: OrderedDict[int, int] = OrderedDict()

    def connected(self) -> BotConnection:
        """The current connection. Raises NetworkError between two."""
        if self.bot is None:
            raise NetworkError("not connected")
        return self.bot

    def leave(self, chat: int) -> None:
        """Stop sending to a chat that has removed or blocked the bot."""
        _remember(self._absent, chat, None)

    def enter(self, chat: int) -> None:
        """Send to this chat again: a user there has written to the bot."""
        self._absent.pop(chat, None)

    def follow(self, old: int, new: int) -> None:
        """Remember that a group has moved to another id."""
        _remember(self._moved, old, new)

    async def deliver(
        self,
        place: Place,
        content: Rendered | Picture,
        *,
        reference: str,
        edit: int | None = None,
        markup: Markup | None = None,
        priority: Priority = Priority.NOTICE,
    ) -> int | None:
        """Send or edit a message, with retries; its id, None if it cannot be delivered.

        Logs a failed delivery and does not raise.
        """
        failure: TelegramError | None = None
        backoff, until = Backoff(FIRST_DELAY, LONGEST_DELAY), time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < until:
            try:
                return await self.send_once(
                    place, content, edit=edit, markup=markup, priority=priority
                )
            except TelegramError as error:
                failure = error
            match self._judge(failure, place, editing=edit is not None):
                case _Verdict.DELIVERED:
                    return edit
                case _Verdict.UNWANTED:
                    log.info("%s is not wanted: %s", reference, summarize_error(failure))
                    return None
                case _Verdict.IMPOSSIBLE:
                    break
                case _Verdict.AS_NEW:
                    edit = None
            held = seconds_of(failure) if isinstance(failure, RetryAfter) else 0.0
            await asyncio.sleep(max(backoff.next(), held))
        if failure is not None:
            log.warning("%s cannot be delivered: %s", reference, summarize_error(failure))
        return None

    async def send_once(
        self,
        place: Place,
        content: Rendered | Picture,
        *,
        edit: int | None = None,
        markup: Markup | None = None,
        priority: Priority = Priority.NOTICE,
    ) -> int | None:
        """Send or edit a message, without retries; a picture is always sent. Raises TelegramError,
        and DroppedError if the rate limiter drops it."""
        place.chat = self._moved.get(place.chat, place.chat)
        if place.chat in self._absent:
            return None
        bot = self.connected()
        if isinstance(content, Picture):
            return await self._put_picture(bot, place, content, markup, priority)
        if edit is not None:
            await bot.edit_message_text(
                content.text,
                place.chat,
                edit,
                entities=content.entities,
                link_preview_options=NO_PREVIEW,
                reply_markup=markup if isinstance(markup, InlineKeyboardMarkup) else None,
                rate_limit_args=priority,
            )
            return edit
        message = await bot.send_message(
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
        self,
        bot: BotConnection,
        place: Place,
        picture: Picture,
        markup: Markup | None,
        priority: Priority,
    ) -> int:
        message = await bot.send_photo(
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
        """Show 'typing' for five seconds, best effort."""
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
            log.debug("no typing: %s", summarize_error(error))

    def _judge(self, error: TelegramError, place: Place, *, editing: bool) -> _Verdict:
        """Decide how to proceed after an error; note chats that have moved or refuse messages."""
        match error:
            case ChatMigrated():
                self.follow(place.chat, error.new_chat_id)
                return _Verdict.AS_NEW  # message ids change with the chat id
            case Forbidden():
                self.leave(place.chat)
                return _Verdict.UNWANTED
            case DroppedError():
                return _Verdict.UNWANTED
            case InvalidToken():
                return _Verdict.IMPOSSIBLE
            case BadRequest():
                return _judge_request(error.message.lower(), place, editing=editing)
            case _:  # broken connections, 5xx, 429, malformed responses
                return _Verdict.RETRY


def _judge_request(problem: str, place: Place, *, editing: bool) -> _Verdict:
    """Decide how to proceed after a BadRequest."""
    if "not modified" in problem:
        return _Verdict.DELIVERED
    if editing and any(gone in problem for gone in _GONE):
        return _Verdict.AS_NEW
    if place.thread is not None and "thread not found" in problem:
        place.thread = None
        return _Verdict.AS_NEW
    return _Verdict.IMPOSSIBLE


def _remember(memory: OrderedDict[int, _Value], key: int, value: _Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
