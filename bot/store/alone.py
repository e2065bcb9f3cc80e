"""What there is to do among several processes, for one that is alone: nearly nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.jobs import Job
from bot.store.leases import Lead, Member, OwnLead


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
