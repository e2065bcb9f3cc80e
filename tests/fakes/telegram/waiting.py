"""The server's clock, and waiting for changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Seconds since 1970, which a test may advance."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """The time, in seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._ahead += seconds


class Changes:
    """Wakes all waiters at every change on the server."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def happened(self) -> None:
        """Wake all waiters."""
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

    def next(self) -> asyncio.Future[None]:
        """The next change, as a shared future; pass it to asyncio.wait, which does not cancel
        it."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def until(self, found: Callable[[], T | None], seconds: float, what: str) -> T:
        """Wait until `found` returns something other than None or False, and return it.

        Raises AssertionError with `what` after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while (value := found()) is None or value is False:
                    await asyncio.wait({self.next()})
                return value
        except TimeoutError:
            raise AssertionError(f"no {what} within {seconds} s") from None
