"""What there is to do among several processes, for one that is alone: nearly nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.requests.job import Job


@dataclass(frozen=True)
class Member:
    """One of the processes; `silent`: seconds since its lease ran out, 0 while it holds."""

    identity: str
    state: dict[str, Any]
    silent: float


class Lead:
    """Something that one process does, and whether it is this one."""

    def __init__(self) -> None:
        self._until = 0.0
        self._changed, self._known = asyncio.Event(), asyncio.Event()
        self._elsewhere = False

    @property
    def held(self) -> bool:
        """Whether no other process can hold it at this moment."""
        return time.monotonic() < self._until

    async def known(self) -> None:
        """Wait until the database has said for the first time whose it is."""
        await self._known.wait()

    async def won(self) -> None:
        """Wait until this process holds it."""
        while not self.held:
            await self._next()

    async def lost(self) -> None:
        """Wait until another process holds it. One whose lease runs out because the database is
        away has not lost it to anybody; `held` is False all the same."""
        while not self._elsewhere:
            await self._next()

    def note(self, until: float) -> None:
        """It is held until this moment; 0 for another process's."""
        self._until, self._elsewhere = until, not until
        self._known.set()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next(self) -> None:
        await self._changed.wait()


class OwnLead(Lead):
    """What is always this process's own: there is no other."""

    def __init__(self) -> None:
        super().__init__()
        self._known.set()

    @property
    def held(self) -> bool:
        return True


class Alone:
    """What a store offers to a process that shares it, done for one that does not."""

    # Whether other processes may work on the same requests.
    shared = False
    # This process's name in rows, where there are several.
    identity: str | None = None

    async def claim(self, platform: str, key: str) -> bool:
        """Whether this process is the one that handles an event, which is kept by its key alone."""
        return True

    async def owns(self, job: Job) -> bool:
        """Whether the answer to a request is still this process's to give."""
        return True

    def hurry(self) -> None:
        """Let the others know now how it is here, and see how it is there."""

    @property
    def members(self) -> list[Member]:
        """All that share this store, this process among them; none where nothing is shared."""
        return []

    def describe(self, state: Callable[[], dict[str, Any]]) -> None:
        """What `state` says of this process is shown where the others are asked how they are."""

    def publish(self, kind: str, *said: Any) -> None:
        """Tell the other processes something (JSON can hold it)."""

    def subscribe(self, kind: str, handler: Callable[..., object]) -> None:
        """Call `handler` with what other processes say about this."""

    def watch(self, changed: Callable[[], object]) -> None:
        """Call this when another process has changed what is remembered."""

    def want(self, name: str) -> Lead:
        """Something that one process does; it is tried for until it is given back."""
        return OwnLead()

    def give_back(self, name: str) -> None:
        """Let another process do that."""

    async def beat(self) -> None:
        """Wait until others may have ended whose work is left."""
        await asyncio.Event().wait()

    async def orphans(self, platform: str) -> list[tuple[Job, bool]]:
        """Claim the requests of processes that are gone; as `unfinished` tells of them."""
        return []

    async def orphaned_events(self, platform: str) -> list[tuple[str, Any, float]]:
        """Claim the events of processes that are gone; as `unhandled` tells of them."""
        return []

    async def cancel_elsewhere(self, person: str) -> bool:
        """Have another process stop what it writes for a person; False when there is nothing."""
        return False
