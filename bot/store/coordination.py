"""What processes that share a store agree on, and the trivial case of a single process.

A request, an event or a lease belongs to one process at a time. `SoloCoordinator` serves a process
that has its store to itself; `bot.cluster.postgres.coordinator` has the one for several.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.requests.job import Job
from bot.requests.limits import DAY, Excess, Rule
from bot.store.tables import requests
from bot.store.transactions import Transactions

# A slow store must not delay the acknowledgement for longer.
KEEP_SECONDS = 0.5

Keep = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True)
class Member:
    """A process that shares the store.

    state: see `Coordinator.describe`. silent: seconds since its lease ran out, 0 while it is valid.
    """

    identity: str
    state: dict[str, Any]
    silent: float


class LeaderLease:
    """A role that one process has at a time, and whether this one does."""

    def __init__(self) -> None:
        self._until = 0.0
        self._changed, self._known = asyncio.Event(), asyncio.Event()
        self._elsewhere = False

    @property
    def held(self) -> bool:
        """Whether no other process can have the role at this moment."""
        return time.monotonic() < self._until

    async def known(self) -> None:
        """Wait for the result of the first election."""
        await self._known.wait()

    async def won(self) -> None:
        """Wait until this process has the role."""
        while not self.held:
            await self._next()

    async def lost(self) -> None:
        """Wait until another process has the role. While the database is unreachable the role may
        be vacant: then `held` is False, and this does not return."""
        while not self._elsewhere:
            await self._next()

    def note(self, until: float) -> None:
        """Note an election: won until this `time.monotonic`, or 0 for another process's victory."""
        self._until, self._elsewhere = until, not until
        self._known.set()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next(self) -> None:
        await self._changed.wait()


class SoloLease(LeaderLease):
    """A role in a single process."""

    def __init__(self) -> None:
        super().__init__()
        self._known.set()

    @property
    def held(self) -> bool:
        return True


class Coordinator(Protocol):
    """Ownership, news and membership among the processes that share a store."""

    @property
    def identity(self) -> str | None:
        """This process's name in rows, None for a single process."""

    @property
    def keep_seconds(self) -> float:
        """How long an acknowledgement waits for the job to be stored."""

    @property
    def recent_seconds(self) -> float:
        """Maximum age of the stored requests that a new process counts in memory too."""

    async def open(self) -> None:
        """Join the other processes."""

    async def close(self) -> None:
        """Leave them."""

    # Jobs and events of this process.

    async def admit(self, job: Job, rules: Sequence[Rule], keep: Keep) -> Excess | None:
        """Count a request and store it with `keep` in one transaction. Returns the limit that the
        requests of all processes exceed, and then stores nothing."""

    def claimed(self, jobs: Sequence[Job]) -> None:
        """Jobs that this process owned before a restart are under way again."""

    async def owns(self, job: Job) -> bool:
        """False once another process has claimed the job. At-least-once: True while the database is
        unreachable."""

    def release(self, job: Job) -> None:
        """Begin to delete an answered job, so that no other process answers it."""

    async def released(self, job: Job) -> bool:
        """End the ownership of a job. Whether `release` has deleted it."""

    async def claim(self, platform: str, key: str) -> bool:
        """Whether this process handles an event that is stored by its key alone."""

    # Work of processes that are gone.

    async def renewed(self) -> None:
        """Wait for the next moment at which other processes may count as gone."""

    async def claim_orphans(self, platform: str) -> list[tuple[Job, bool]]:
        """Claim the jobs of processes that are gone; see `Store.unfinished`."""

    async def claim_orphaned_events(self, platform: str) -> list[tuple[str, Any, float]]:
        """Claim the events of processes that are gone; see `Store.unhandled`."""

    # Leader election.

    def campaign(self, name: str) -> LeaderLease:
        """Stand for a role in every election until `resign`."""

    def resign(self, name: str) -> None:
        """Leave a role to the others."""

    # News, and who is there.

    @property
    def members(self) -> list[Member]:
        """All processes, this one included; empty for a single process."""

    def describe(self, state: Callable[[], dict[str, Any]]) -> None:
        """Show the result of `state` as this process's `Member.state`."""

    def wake(self) -> None:
        """Exchange states with the others now."""

    def publish(self, kind: str, *values: Any) -> None:
        """Send news to the others (values that JSON can hold)."""

    def subscribe(self, kind: str, handler: Callable[..., object]) -> None:
        """Call `handler` with the values of news of this kind from others."""

    async def agree(self, name: str, value: Any) -> None:
        """Store a value that all processes follow; nothing for a single process."""

    def agreed(self, name: str) -> Any:
        """The last value of `agree` from any process, None without one."""

    def watch(self, changed: Callable[[], object]) -> None:
        """Call `changed` when another process has changed a stored value."""

    async def cancel_elsewhere(self, person: str) -> bool:
        """Ask another process to cancel the job of a person; False if none has one."""


class SoloCoordinator:
    """A single process owns everything, leads always, and has no peers."""

    identity: str | None = None
    keep_seconds = KEEP_SECONDS
    recent_seconds = DAY

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def open(self) -> None:
        """Nothing to join."""

    async def close(self) -> None:
        """Nothing to leave."""

    async def admit(self, job: Job, rules: Sequence[Rule], keep: Keep) -> Excess | None:
        """Count in the database only jobs that are stored there: `rules` are checked in memory."""
        if job.origin is None:
            return None
        requester = job.requester
        row = {"person": requester.person, "server": requester.server, "at": time.time()}

        async def count(connection: AsyncConnection) -> None:
            await keep(connection)
            await connection.execute(insert(requests).values(row))

        await self._transactions.run(count)
        return None

    def claimed(self, jobs: Sequence[Job]) -> None:
        """All jobs are owned."""

    async def owns(self, job: Job) -> bool:
        """Always."""
        return True

    def release(self, job: Job) -> None:
        """`Store.finish` is soon enough."""

    async def released(self, job: Job) -> bool:
        """Left to `Store.finish`."""
        return False

    async def claim(self, platform: str, key: str) -> bool:
        """Always."""
        return True

    async def renewed(self) -> None:
        """Never: no other process can end."""
        await asyncio.Event().wait()

    async def claim_orphans(self, platform: str) -> list[tuple[Job, bool]]:
        """None."""
        return []

    async def claim_orphaned_events(self, platform: str) -> list[tuple[str, Any, float]]:
        """None."""
        return []

    def campaign(self, name: str) -> LeaderLease:
        """Win at once."""
        return SoloLease()

    def resign(self, name: str) -> None:
        """No other process to lead."""

    @property
    def members(self) -> list[Member]:
        """None."""
        return []

    def describe(self, state: Callable[[], dict[str, Any]]) -> None:
        """No peer sees it."""

    def wake(self) -> None:
        """No peer to ask."""

    def publish(self, kind: str, *values: Any) -> None:
        """No peer listens."""

    def subscribe(self, kind: str, handler: Callable[..., object]) -> None:
        """No peer publishes."""

    async def agree(self, name: str, value: Any) -> None:
        """No peer follows."""

    def agreed(self, name: str) -> Any:
        """None."""
        return None

    def watch(self, changed: Callable[[], object]) -> None:
        """No peer changes anything."""

    async def cancel_elsewhere(self, person: str) -> bool:
        """No peer has one."""
        return False
