"""Waiting for a state of the fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

State = TypeVar("State")


class Changes:
    """Wakes all waiters at every change; each checks its own condition."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def happened(self) -> None:
        """Wake all waiters."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(
        self, state: Callable[[], State | None], seconds: float, wanted: Callable[[], str]
    ) -> State:
        """Wait for a truthy `state()` and return it; an AssertionError names `wanted`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := state()):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise AssertionError(f"not within {seconds} s: {wanted()}") from None
        return value
