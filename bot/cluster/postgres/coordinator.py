"""Coordination of processes that share a PostgreSQL database.

One connection carries this process's lease: it is renewed every few seconds there, and the news of
the others arrive on it. News may be lost, so each renewal reads the tables too. All other
transactions use a pool and, as with any store, the bot continues without the database if it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table, delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.cluster.postgres.claims import BUSY, admit, adopt
from bot.cluster.postgres.database import CONNECTIONS, REST_SECONDS, Postgres
from bot.cluster.postgres.identity import Slot, take_slot
from bot.cluster.postgres.leases import LIVING, RENEW_SECONDS, Membership
from bot.cluster.postgres.notifications import Bus
from bot.net.tasks import TaskSet
from bot.requests.job import Job
from bot.requests.limits import Excess, Rule
from bot.store.coordination import Keep, LeaderLease, Member
from bot.store.journal import event_mark
from bot.store.rows import job_of, owned_by, remove
from bot.store.store import Store
from bot.store.tables import events, jobs
from bot.store.transactions import Transactions
from bot.store.values import Values

log = logging.getLogger(__name__)

# A renewal that takes longer has failed.
RENEWAL_SECONDS = 5.0
# News are batched for this long: each notification holds up all commits for a moment.
GATHER_SECONDS = 0.05
# A person's answered job may still be in the table for a moment: admission is tried again.
PAUSES = (0.05, 0.15)
# How long all connections of the pool are held at the start, so that they are made.
WARM_SECONDS = 0.1
# PostgreSQL may take a while to notice that a previous process's connection is closed.
IDENTITY_TRIES, IDENTITY_PAUSE_SECONDS = 10, 0.2


@contextlib.asynccontextmanager
async def shared_store(folder: Path, url: str, audit_days: int) -> AsyncIterator[Store]:
    """The store of one of several processes, not opened yet, and its slot in `folder`. Raises
    SettingsError or UnreachableError if the database cannot be opened."""
    slot = take_slot(folder)
    try:
        postgres = Postgres(url)
        transactions = Transactions(postgres, await postgres.reach())
        identity = slot.identity
        if not await _is_free(transactions, identity):
            log.warning("another process has this one's identity: were its files copied?")
            identity = secrets.token_hex(8)
        values = Values(transactions)
        coordinator = PostgresCoordinator(identity, transactions, values, slot)
        yield Store(transactions, values, slot.journal, coordinator, audit_days)
    finally:
        slot.release()


class PostgresCoordinator:
    """One of several processes; see bot.store.coordination.Coordinator for the methods."""

    # Longer than for a single process: the database decides on admission. Discord waits for 3 s.
    keep_seconds = 1.5
    # Memory counts only while the database is unreachable.
    recent_seconds = 60.0

    def __init__(
        self, identity: str, transactions: Transactions, values: Values, slot: Slot
    ) -> None:
        self.identity: str | None = identity
        self._transactions, self._values, self._slot = transactions, values, slot
        self._run = transactions.run
        self._bus = Bus(identity)
        self._membership = Membership(identity, transactions.database.insert)
        self._claimed: dict[str, int] = {}  # reference -> lapses of the lease at the claim
        self._releases: dict[str, asyncio.Task[bool]] = {}
        self._introduced = True  # the others know of the state in `describe`
        self._woken, self._news = asyncio.Event(), asyncio.Event()
        self._loops = TaskSet()
        self._bus.subscribe("look", self._woken.set)

    async def open(self) -> None:
        await asyncio.gather(*(self._run(_nap) for _ in range(CONNECTIONS)))
        self._loops.start(self._keep_lease(), "lease")
        self._loops.start(self._send_news(), "news")
        with contextlib.suppress(TimeoutError):  # the first renewal may follow later
            async with asyncio.timeout(RENEWAL_SECONDS):
                await self._membership.renewed()

    async def close(self) -> None:
        await asyncio.gather(*self._releases.values())
        await self._loops.cancel()
        await self._run(self._membership.leave)

    # Jobs and events of this process.

    async def admit(self, job: Job, rules: Sequence[Rule], keep: Keep) -> Excess | None:
        async def attempt(connection: AsyncConnection) -> tuple[Excess | None]:
            answered = self._slot.journal.sent
            excess = await admit(connection, job.requester, job.reference, rules, answered)
            if excess is None and job.origin is not None:
                await keep(connection)
            return (excess,)

        excess: Excess | None = BUSY
        for pause in (*PAUSES, None):
            outcome = await self._run(attempt)
            if outcome is None:  # unreachable: memory decides
                excess = None
                break
            (excess,) = outcome
            if excess is None:
                self.claimed([job])
            if excess != BUSY or pause is None:
                break
            await asyncio.sleep(pause)
        if excess is None:
            self.publish("counted", job.requester.person, job.requester.server)
        return excess

    def claimed(self, jobs: Sequence[Job]) -> None:
        self._claimed |= {job.reference: self._membership.lapses for job in jobs}

    async def owns(self, job: Job) -> bool:
        claimed = self._claimed.get(job.reference)
        lasting = self._membership.valid and claimed == self._membership.lapses
        if claimed is None or lasting:
            return True
        query = select(jobs.c.process).where(jobs.c.reference == job.reference)
        found = await self._run(lambda each: _scalars(each, query))
        return found is None or found == [self.identity]

    def release(self, job: Job) -> None:
        deletion = asyncio.create_task(self._delete(job.reference), name=f"forget {job.reference}")
        self._releases[job.reference] = deletion

    async def released(self, job: Job) -> bool:
        self._claimed.pop(job.reference, None)
        deletion = self._releases.pop(job.reference, None)
        return deletion is not None and await deletion

    async def claim(self, platform: str, key: str) -> bool:
        row = {"platform": platform, "key": key, "received": time.time(), "process": self.identity}
        new = self._transactions.database.insert(events).values(row).on_conflict_do_nothing()
        owner = select(events.c.process).where(events.c.platform == platform, events.c.key == key)

        async def claim(connection: AsyncConnection) -> str:
            await connection.execute(new)
            return str((await connection.execute(owner)).scalar_one())

        return await self._run(claim) in (self.identity, None)

    # Work of processes that are gone.

    async def renewed(self) -> None:
        await self._membership.renewed()

    async def claim_orphans(self, platform: str) -> list[tuple[Job, bool]]:
        found = {each.reference: each for each in map(job_of, await self._adopt(jobs, platform))}
        unsent = await self._unsent(found)
        left = [job for job in found.values() if job.reference in unsent]
        self.claimed(left)
        return [(job, True) for job in sorted(left, key=lambda job: job.asked)]

    async def claim_orphaned_events(self, platform: str) -> list[tuple[str, Any, float]]:
        rows = await self._adopt(events, platform)
        found = {event_mark(platform, row["key"]): row for row in rows}
        unsent = await self._unsent(found)
        left = [row for mark, row in found.items() if mark in unsent]
        unhandled = [(row["key"], row["body"], row["received"]) for row in left]
        return sorted(unhandled, key=lambda event: event[2])

    # Leader election.

    def campaign(self, name: str) -> LeaderLease:
        lease = self._membership.campaign(name)
        self.wake()
        return lease

    def resign(self, name: str) -> None:
        self._membership.resign(name)
        self.wake()

    # News, and who is there.

    @property
    def members(self) -> list[Member]:
        ours, state = self.identity, self._membership.describe()
        return [
            replace(each, state=state) if each.identity == ours else each
            for each in self._membership.members
        ]

    def describe(self, state: Callable[[], dict[str, Any]]) -> None:
        self._membership.describe = state
        self._introduced = False
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    def publish(self, kind: str, *values: Any) -> None:
        self._bus.publish(kind, *values)
        self._news.set()

    def subscribe(self, kind: str, handler: Callable[..., object]) -> None:
        self._bus.subscribe(kind, handler)

    async def agree(self, name: str, value: Any) -> None:
        if await self._values.set(name, value):
            self.publish("look")

    def agreed(self, name: str) -> Any:
        return self._values.get(name)

    def watch(self, changed: Callable[[], object]) -> None:
        self._values.watch(changed)

    async def cancel_elsewhere(self, person: str) -> bool:
        platform, _, user = person.partition(":")
        query = select(jobs.c.reference).where(
            jobs.c.platform == platform,
            jobs.c.user == int(user),
            jobs.c.process != self.identity,
            jobs.c.process.in_(LIVING),
        )
        found = await self._run(lambda each: _scalars(each, query))
        if found:
            self.publish("cancel", person)
        return bool(found)

    # The lease.

    async def _keep_lease(self) -> None:
        """Renew the lease until cancelled; after a failure, on a new connection."""
        while True:
            try:
                engine = await self._transactions.engine()
                async with engine.connect() as connection:
                    try:
                        name = select(func.pg_try_advisory_lock(_number(self.identity)))
                        await connection.execute(name)
                        await self._bus.listen(connection)
                        while True:
                            async with asyncio.timeout(RENEWAL_SECONDS):
                                await self._renew(connection)
                            await self._until_woken()
                    finally:  # it listens, so the pool must not reuse it
                        with contextlib.suppress(SQLAlchemyError):  # it is closed already
                            await connection.invalidate()
            except self._transactions.database.errors as error:
                await self._transactions.note_failure(error)
            except Exception:  # a process without a lease would be worse
                log.exception("the lease cannot be renewed")
            await asyncio.sleep(REST_SECONDS)

    async def _renew(self, connection: AsyncConnection) -> None:
        """Write everything that is pending and renew, in one transaction: a process with a valid
        lease leaves no answered job to be answered twice."""
        journal, edits = self._slot.journal, self._values.edits
        answered = journal.sent - self._releases.keys()
        introduced, self._introduced = self._introduced, True
        await remove(connection, answered, self.identity)
        written = await self._values.write(connection)
        found = await self._values.read(connection)
        await self._membership.renew(connection)
        journal.forget(answered)
        self._values.note_written(written)
        self._transactions.note_success()
        if not introduced:
            self.publish("look")
        if edits == self._values.edits:
            self._values.refresh(found)

    async def _until_woken(self) -> None:
        # asyncio.wait_for may swallow a cancellation that arrives with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RENEW_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _send_news(self) -> None:
        """Send news until cancelled; those that cannot be sent are tried again."""
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER_SECONDS)
            if self._bus.pending and await self._transactions.attempt(self._send) is None:
                await asyncio.sleep(REST_SECONDS)
                self._news.set()

    async def _send(self, engine: AsyncEngine) -> bool:
        async with engine.connect() as connection:
            await self._bus.send(connection)
        return True

    # Rows.

    async def _delete(self, reference: str) -> bool:
        gone = delete(jobs).where(jobs.c.reference == reference, owned_by(jobs, self.identity))
        done = await self._run(lambda each: each.execute(gone))
        return done is not None and done.rowcount > 0

    async def _adopt(self, table: Table, platform: str) -> Sequence[Any]:
        if not self._membership.settled:
            return []
        ours, gone = str(self.identity), self._membership.gone
        return await self._run(lambda each: adopt(each, table, platform, ours, gone)) or []

    async def _unsent(self, found: dict[str, Any]) -> set[str]:
        """The marks without a sent message according to the journals of dead processes on this
        machine; the rows of the others are deleted."""
        if not found:
            return set()
        sent = set[str]()
        for journal in self._slot.neighbours():
            journal.read()
            sent |= journal.sent & found.keys()
        if sent:
            await self._run(lambda each: remove(each, sent, self.identity))
        return found.keys() - sent


async def _is_free(transactions: Transactions, identity: str) -> bool:
    """Whether no living process has this identity."""
    asked = select(func.pg_try_advisory_xact_lock(_number(identity)))
    for _ in range(IDENTITY_TRIES):
        if (free := await transactions.run(lambda each: _scalars(each, asked))) is None or free[0]:
            return True
        await asyncio.sleep(IDENTITY_PAUSE_SECONDS)
    return False


def _number(identity: str | None) -> Any:
    """A process's number in PostgreSQL's advisory locks."""
    return func.hashtextextended(f"process {identity}", 0)


async def _nap(connection: AsyncConnection) -> None:
    """Hold a connection while the rest of the pool is made: later, a connection would be made while
    the deletion of an answered job waits for it."""
    await connection.execute(select(func.pg_sleep(WARM_SECONDS)))


async def _scalars(connection: AsyncConnection, query: Select[Any]) -> list[Any]:
    return list((await connection.execute(query)).scalars())
