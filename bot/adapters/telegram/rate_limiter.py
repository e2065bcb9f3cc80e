"""Telegram's limits on what a bot sends, kept from our side, so that they are never reached.

About one message a second in a private chat, twenty a minute in a group and thirty a second in all
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); edits count too.
What does not fit waits, answers first; what is not worth waiting for is dropped. A chat that
Telegram asks us to leave alone (429 with `retry_after`) holds up no other chat.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any

from telegram.error import RetryAfter, TelegramError
from telegram.ext import BaseRateLimiter

from bot.requests.limits import Window

log = logging.getLogger(__name__)

Clock = Callable[[], float]
Callback = Callable[..., Coroutine[Any, Any, Any]]

# Requests may overtake each other on their way, so each span is a little longer than Telegram's.
CHAT_BURST, CHAT_SECONDS = 3, 1.05  # at once, and then one every so many seconds
GROUP = (20, 61.0)  # so many in so many seconds
EVERYWHERE = (30, 1.05)
# What can be dropped leaves so much to what cannot: in the chat, in a group's minute, everywhere.
CHAT_RESERVE, GROUP_RESERVE, EVERYWHERE_RESERVE = 1, 10, 10
# So many may wait in one chat; notices that come later are dropped as well.
MOST_WAITING = 40
TRIES = 5
# Idle chats are forgotten whenever so many more are known than after the last time.
CHATS = 1000


class Priority(IntEnum):
    """Who goes first. Drafts and typing go at once or not at all. None is 0: the library takes
    that for nothing said."""

    ANSWER = 1
    NOTICE = 2
    DRAFT = 3
    TYPING = 4


class DroppedError(TelegramError):
    """There was no room for a request that is not worth waiting for."""


class Burst:
    """At most `limit` events at once, and then one every `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._full_at = 0.0  # when all of the limit is free again

    def free(self, now: float) -> int:
        """How many more may happen now."""
        return int(self.limit - max(0.0, self._full_at - now) / self.seconds + 1e-6)

    def count(self, now: float) -> None:
        """Note an event."""
        self._full_at = max(now, self._full_at) + self.seconds

    def ready(self, now: float) -> float:
        """When the next may happen."""
        return max(now, self._full_at - (self.limit - 1) * self.seconds)


class _Chat:
    """What a chat has had lately, and until when Telegram wants it left alone. The chat 0 stands
    for requests that are about no chat: they count for the whole only."""

    def __init__(self, number: int, groups: Window) -> None:
        self.burst = Burst(CHAT_BURST, CHAT_SECONDS) if number else None
        # Groups have negative ids: https://core.telegram.org/bots/api#chat
        self._number, self._group = number, groups if number < 0 else None
        self.held_until = 0.0
        self.waiting = 0

    def count(self, now: float) -> None:
        if self.burst is not None:
            self.burst.count(now)
        if self._group is not None:
            self._group.count(self._number)

    def ready(self, now: float) -> float:
        burst = now if self.burst is None else self.burst.ready(now)
        minute = 0.0 if self._group is None else self._group.wait(self._number)
        return max(self.held_until, burst, now + minute)

    def spare(self, now: float) -> bool:
        """Whether there is room for what can be dropped."""
        return (self.burst is None or self.burst.free(now) > CHAT_RESERVE) and (
            self._group is None or self._group.free(self._number) > GROUP_RESERVE
        )

    def idle(self, now: float) -> bool:
        unused = self.burst is None or self.burst.free(now) == self.burst.limit
        if self._group is not None:
            unused = unused and self._group.free(self._number) == self._group.limit
        return not self.waiting and self.held_until <= now and unused


@dataclass(order=True)
class _Waiting:
    priority: Priority
    number: int
    chat: _Chat = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


class RateLimiter(BaseRateLimiter[Priority]):
    """Keeps requests within the limits; `rate_limit_args` is a Priority (a notice's without one).

    Settings of the bot, questions about it and answers to presses pass at once. Memory is bounded:
    chats are forgotten when their last minute is over.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._chats: dict[int, _Chat] = {}
        self._forget_at = CHATS
        self._groups = Window(*GROUP, clock)
        self._everywhere = Window(*EVERYWHERE, clock)  # of the key None
        self._queue: list[_Waiting] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def chats(self) -> int:
        """How many chats are remembered."""
        return len(self._chats)

    async def initialize(self) -> None:
        """Nothing to prepare: the limits outlive a connection."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def process_request(
        self,
        callback: Callback,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Priority | None,
    ) -> Any:
        """Wait for room and make the request; again after a `retry_after`, at most `TRIES` times.
        Raises DroppedError for a draft or a typing action without room, and for a notice where
        too much waits already."""
        chat_id = _chat_id(endpoint, data)
        if chat_id is None:
            return await callback(*args, **kwargs)
        priority = Priority.NOTICE if rate_limit_args is None else rate_limit_args
        for last in (False,) * (TRIES - 1) + (True,):
            chat = self._chat(chat_id)
            if priority >= Priority.DRAFT:
                self._take_or_drop(chat, priority)
            elif priority == Priority.NOTICE and chat.waiting >= MOST_WAITING:
                raise DroppedError("too much waits in the chat")
            else:
                await self._wait(chat, priority)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as error:
                self._hold(chat_id, endpoint, seconds_of(error))
                if last or priority >= Priority.DRAFT:
                    raise
        raise AssertionError("the last try returns or raises")

    def _take_or_drop(self, chat: _Chat, priority: Priority) -> None:
        now = self._clock()
        full = self._everywhere.free(None) <= EVERYWHERE_RESERVE
        if full or chat.waiting or chat.held_until > now or not chat.spare(now):
            raise DroppedError("no room")
        if priority == Priority.DRAFT:
            chat.count(now)
        self._everywhere.count(None)

    async def _wait(self, chat: _Chat, priority: Priority) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(priority, next(self._numbers), chat, granted)
        bisect.insort(self._queue, waiting)
        chat.waiting += 1
        self._grant()
        try:
            await granted
        finally:
            if not granted.done() or granted.cancelled():
                self._leave(waiting)

    def _leave(self, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
            waiting.chat.waiting -= 1

    def _grant(self) -> None:
        """Let everybody go who may, in order, and come back when the next one may."""
        now = self._clock()
        for waiting in list(self._queue):
            if not self._everywhere.free(None):
                break
            if waiting.chat.ready(now) > now:
                continue
            self._leave(waiting)
            if not waiting.granted.done():
                waiting.chat.count(now)
                self._everywhere.count(None)
                waiting.granted.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            soonest = min(waiting.chat.ready(now) for waiting in self._queue)
            delay = max(soonest - now, self._everywhere.wait(None))
            self._timer = asyncio.get_running_loop().call_later(max(0.001, delay), self._grant)

    def _hold(self, chat_id: int, endpoint: str, seconds: float) -> None:
        chat = self._chat(chat_id)
        chat.held_until = max(chat.held_until, self._clock() + seconds + 0.1)
        log.warning(
            "Telegram asks to leave chat %s alone for %.0f s (%s)", chat_id, seconds, endpoint
        )

    def _chat(self, chat_id: int) -> _Chat:
        chat = self._chats.get(chat_id)
        if chat is None:
            if len(self._chats) >= self._forget_at:
                self._forget_idle()
            chat = self._chats[chat_id] = _Chat(chat_id, self._groups)
        return chat

    def _forget_idle(self) -> None:
        now = self._clock()
        for chat_id in [chat_id for chat_id, chat in self._chats.items() if chat.idle(now)]:
            del self._chats[chat_id]
        self._forget_at = len(self._chats) + CHATS


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram wants to be left alone."""
    wait = error.retry_after  # an int or a timedelta, as the library is set
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _chat_id(endpoint: str, data: dict[str, Any]) -> int | None:
    """The chat whose room a request takes, 0 for room everywhere only, None for none at all."""
    if endpoint in {"answerInlineQuery", "answerGuestQuery"}:
        return 0
    chat_id = data.get("chat_id")
    if isinstance(chat_id, int) and endpoint.startswith(("send", "edit")):
        return chat_id
    return None
