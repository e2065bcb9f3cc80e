"""Background tasks that are kept until they end: the event loop holds only weak references."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

_T = TypeVar("_T")


class TaskSet:
    """The unfinished tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(tuple(self._tasks))

    def start(
        self, coroutine: Coroutine[Any, Any, _T], name: str | None = None
    ) -> asyncio.Task[_T]:
        """Run a coroutine in a task of this set."""
        return self.add(asyncio.create_task(coroutine, name=name))

    def add(self, task: asyncio.Task[_T]) -> asyncio.Task[_T]:
        """Keep a task until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until all tasks have ended, or for `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        for task in self:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
