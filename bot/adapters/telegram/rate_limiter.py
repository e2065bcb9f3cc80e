"""Telegram's limits on sending, enforced here so that Telegram need not.

About one message a second in a private chat, twenty a minute in a group and thirty a second in all
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); edits count too.
Excess requests wait, answers first; previews and typing signs are dropped instead. A chat that is
blocked by a 429 with `retry_after` delays no other chat.
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

# Requests may overtake each other, so each window is a little longer than Telegram's.
CHAT_BURST, CHAT_SECONDS = 3, 1.05  # a burst, then one in this many seconds
GROUP = (20, 61.0)  # requests, seconds
EVERYWHERE = (30, 1.05)
# Capacity that previews and typing signs leave to other requests.
CHAT_RESERVE, GROUP_RESERVE, EVERYWHERE_RESERVE = 1, 10, 10
# Most waiting requests of one chat; further notices are dropped.
MOST_WAITING = 40
TRIES = 5
# Idle chats are forgotten each time this many chats are added.
CHATS = 1000


class Priority(IntEnum):
    """The order of waiting requests. PREVIEW and TYPING do not wait: they are sent or dropped. The
    library treats 0 as unset."""

    ANSWER = 1
    NOTICE = 2
    PREVIEW = 3
    TYPING = 4


class DroppedError(TelegramError):
    """The rate limiter dropped a request."""


class Burst:
    """A token bucket: at most `limit` events at once, then one every `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._full_at = 0.0  # when the whole limit is available again

    def free(self, now: float) -> int:
        """Events that may happen now."""
        return int(self.limit - max(0.0, self._full_at - now) / self.seconds + 1e-6)

    def count(self, now: float) -> None:
        """Count an event."""
        self._full_at = max(now, self._full_at) + self.seconds

    def ready(self, now: float) -> float:
        """When the next event may happen."""
        return max(now, self._full_at - (self.limit - 1) * self.seconds)


class _Chat:
    """The recent requests of a chat, and until when Telegram blocks it. Chat 0 stands for requests
    about no chat, which only the overall limit counts."""

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
        """Whether a preview or a typing sign fits."""
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
    """Limits requests; `rate_limit_args` is a Priority, NOTICE by default.

    Requests that send no message pass at once. Memory is bounded: idle chats are forgotten.
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
        """The number of remembered chats."""
        return len(self._chats)

    async def initialize(self) -> None:
        """Do nothing: the limits outlive a connection."""

    async def shutdown(self) -> None:
        """Do nothing."""

    async def process_request(
        self,
        callback: Callback,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Priority | None,
    ) -> Any:
        """Wait for capacity and send the request, up to `TRIES` times after a `retry_after`.

        Raises DroppedError for a preview or a typing sign without capacity, and for a notice in a
        chat where too many requests wait.
        """
        chat_id = _chat_id(endpoint, data)
        if chat_id is None:
            return await callback(*args, **kwargs)
        priority = Priority.NOTICE if rate_limit_args is None else rate_limit_args
        for last in (False,) * (TRIES - 1) + (True,):
            chat = self._chat(chat_id)
            if priority >= Priority.PREVIEW:
                self._take_or_drop(chat, priority)
            elif priority == Priority.NOTICE and chat.waiting >= MOST_WAITING:
                raise DroppedError("too much waits in the chat")
            else:
                await self._wait(chat, priority)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as error:
                self._hold(chat_id, endpoint, seconds_of(error))
                if last or priority >= Priority.PREVIEW:
                    raise
        raise AssertionError("the last try returns or raises")

    def _take_or_drop(self, chat: _Chat, priority: Priority) -> None:
        now = self._clock()
        full = self._everywhere.free(None) <= EVERYWHERE_RESERVE
        if full or chat.waiting or chat.held_until > now or not chat.spare(now):
            raise DroppedError("no room")
        if priority == Priority.PREVIEW:
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
        """Grant all requests that fit, in order, and schedule the next call."""
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
    """Seconds until Telegram accepts the request again."""
    wait = error.retry_after  # int or timedelta, by the library's configuration
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _chat_id(endpoint: str, data: dict[str, Any]) -> int | None:
    """The chat whose limit a request counts for: 0 for the overall limit only, None for none."""
    if endpoint in {"answerInlineQuery", "answerGuestQuery"}:
        return 0
    chat_id = data.get("chat_id")
    if isinstance(chat_id, int) and endpoint.startswith(("send", "edit")):
        return chat_id
    return None
