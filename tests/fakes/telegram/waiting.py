"""Time as the server counts it, and waiting for something to happen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Seconds since 1970, which a test may move forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """The time, in seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once."""
        self._ahead += seconds


class Changes:
    """Wakes whoever waits whenever anything has happened on the server."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def happened(self) -> None:
        """Something has changed: everyone who waits looks again."""
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

    def next(self) -> asyncio.Future[None]:
        """The next change. It is shared: give it to asyncio.wait, which cancels nothing."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def until(self, found: Callable[[], T | None], seconds: float, what: str) -> T:
        """Wait until `found` gives something other than None or False, and return it.

        Raises AssertionError with `what` was awaited when `seconds` are over.
        """
        try:
            async with asyncio.timeout(seconds):
                while (value := found()) is None or value is False:
                    await asyncio.wait({self.next()})
                return value
        except TimeoutError:
            raise AssertionError(f"no {what} within {seconds} s") from None
