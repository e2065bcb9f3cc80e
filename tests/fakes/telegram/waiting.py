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
        self._next = asyncio.Event()

    def happened(self) -> None:
        """Something has changed: everyone who waits looks again."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, found: Callable[[], T | None], seconds: float, what: str) -> T:
        """Wait until `found` gives something other than None or False, and return it.

        Raises AssertionError with `what` was awaited when `seconds` are over.
        """
        try:
            async with asyncio.timeout(seconds):
                while (value := found()) is None or value is False:
                    await self._next.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"no {what} within {seconds} s") from None

    async def within(self, seconds: float) -> bool:
        """Wait for the next change; False when there was none."""
        try:
            await asyncio.wait_for(self._next.wait(), seconds)
        except TimeoutError:
            return False
        return True
