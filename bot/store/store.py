"""The bot's durable state. No method raises when the database fails.

A full disk, a locked or a damaged file costs durability and nothing else: the bot continues from
memory, the log has one line about it, and `trouble` tells admins until it is over.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.requests.job import Job, Requester
from bot.requests.limits import DAY, MINUTE, Excess, Rule
from bot.store.coordination import Coordinator
from bot.store.journal import Journal, event_mark, marks_of
from bot.store.rows import handling, job_of, origin_of, owned_by, remove, row_of
from bot.store.tables import audit, blocks, events, jobs, requests
from bot.store.transactions import Transactions
from bot.store.values import Values

# Platforms deliver an event again for up to this long.
REMEMBER_EVENTS = 3600.0
# Conditions that kill a process (out of memory, say) seldom end at once.
SHAKY_SECONDS = 60.0


class Store:
    """The tables of `bot.store.tables` and the journal, as operations on jobs, events and limits.

    coordinator: decides which rows are this process's own.
    """

    def __init__(
        self,
        transactions: Transactions,
        values: Values,
        journal: Journal,
        coordinator: Coordinator,
        audit_days: int = 90,
    ) -> None:
        self.coordinator = coordinator
        self._transactions, self._values, self._journal = transactions, values, journal
        self._run = transactions.run
        self._insert = transactions.database.insert
        self._audit_days = audit_days
        self._shaky_until = 0.0

    @property
    def trouble(self) -> str | None:
        """For admins: why nothing is stored at the moment, or which data were set aside."""
        return self._transactions.trouble

    @property
    def failing(self) -> bool:
        """Whether nothing is stored at the moment."""
        return self._transactions.failure is not None

    @property
    def size(self) -> int:
        """Bytes on disk as last measured."""
        return self._transactions.database.size + self._journal.size

    @property
    def shaky(self) -> bool:
        """Whether the previous process was killed within the last minute: this one may be too."""
        return time.monotonic() < self._shaky_until

    async def open(self) -> None:
        """Join the other processes, if any, and read values and journal."""
        await self.coordinator.open()
        await self._values.load()
        if not self._journal.ended:
            self._shaky_until = time.monotonic() + SHAKY_SECONDS
        self._journal.read()
        await self._forget(tuple(self._journal.sent))
        self._journal.compact()

    async def close(self) -> None:
        """Finish transactions under way and close database and journal."""
        await self.coordinator.close()
        await self._transactions.close()
        self._journal.end()

    # Values by name, and the audit.

    def recall(self, name: str) -> Any:
        """The value last remembered under a name, None without one."""
        return self._values.get(name)

    async def remember(self, name: str, value: Any) -> None:
        """Store a value (anything JSON can hold) for this process and the next."""
        if await self._values.set(name, value):
            self.coordinator.publish("look")

    async def record(self, who: str, what: str, **details: object) -> None:
        """Add an entry with the current time to the audit."""
        row = insert(audit).values(at=time.time(), who=who, what=what, details=details)
        await self._run(lambda each: each.execute(row))

    # Events that a platform delivers until they are confirmed.

    async def receive(self, platform: str, found: Mapping[str, Any]) -> list[str]:
        """Store events (body by key) before they are confirmed; returns the new keys.

        All of them count as new while the database fails.
        """
        if not found:
            return []
        now = time.time()
        mine = {"platform": platform, "received": now, "process": self.coordinator.identity}
        rows = [{**mine, "key": key, "body": body} for key, body in found.items()]
        new = self._insert(events).values(rows).on_conflict_do_nothing()
        # Not the row count: a transaction whose commit was not confirmed runs again.
        seen = select(events.c.key).where(
            events.c.platform == platform,
            events.c.key.in_(found),
            events.c.received == now,
            owned_by(events, self.coordinator.identity),
        )

        async def keep(connection: AsyncConnection) -> list[str]:
            await connection.execute(new)
            return list((await connection.execute(seen)).scalars())

        keys = await self._run(keep)
        return list(found) if keys is None else [key for key in found if key in set(keys)]

    async def unhandled(self, platform: str) -> list[tuple[str, Any, float]]:
        """Key, body and time of receipt of this process's unhandled events, oldest first, those of
        its predecessor included."""
        query = (
            select(events.c.key, events.c.body, events.c.received)
            .where(
                events.c.platform == platform,
                events.c.body.is_not(None),
                owned_by(events, self.coordinator.identity),
            )
            .order_by(events.c.received, events.c.key)
        )
        rows = await self._run(lambda each: each.execute(query))
        found = [] if rows is None else [(key, body, received) for key, body, received in rows]
        return [each for each in found if event_mark(platform, each[0]) not in self._journal.sent]

    async def handled(self, platform: str, key: str) -> None:
        """Drop an event's body; its key stays for a while."""
        mark = event_mark(platform, key)
        if not await self._forget([mark]):
            self._journal.note_sent(mark)

    # Jobs under way.

    async def take(self, job: Job, rules: Sequence[Rule] = ()) -> Excess | None:
        """Store an accepted job and mark its event as handled. Without an origin, only count it.

        job: with an origin that JSON can hold. rules: limits on the requests of all processes
        together. Returns the limit that is exceeded, and then stores nothing.
        """

        async def keep(connection: AsyncConnection) -> None:
            row = self._insert(jobs).values(**row_of(job), process=self.coordinator.identity)
            await connection.execute(row.on_conflict_do_nothing())
            if job.event is not None:
                await connection.execute(handling(job.requester.platform, job.event))

        return await self.coordinator.admit(job, rules, keep)

    async def note_origin(self, job: Job, origin: Any) -> None:
        """Store a new origin (the message id of a preview, say)."""
        kept = origin_of(job, origin)
        change = update(jobs).where(jobs.c.reference == job.reference).values(origin=kept)
        await self._run(lambda each: each.execute(change))

    def note_sending(self, job: Job) -> None:
        """The final message may be out from now on."""
        self._journal.note_sending(job.reference)

    def note_sent(self, job: Job) -> None:
        """The final message has arrived: no process sends it again. Idempotent."""
        if job.reference not in self._journal.sent:
            self._journal.note_sent(*marks_of(job))
            self.coordinator.release(job)

    async def finish(self, job: Job) -> None:
        """Delete a job."""
        if await self.coordinator.released(job):
            self._journal.forget(marks_of(job))
        else:
            await self._forget(marks_of(job))

    async def unfinished(self, platform: str) -> list[tuple[Job, bool]]:
        """Jobs that this process's predecessor accepted and did not finish, oldest first, each with
        whether its final message may be out."""
        mine = owned_by(jobs, self.coordinator.identity)
        query = select(jobs).where(jobs.c.platform == platform, mine).order_by(jobs.c.asked)
        rows = await self._run(lambda each: each.execute(query))
        found = [] if rows is None else [job_of(row._mapping) for row in rows]
        left = [job for job in found if job.reference not in self._journal.sent]
        self.coordinator.claimed(left)
        return [(job, job.reference in self._journal.sending) for job in left]

    # Limits and privacy.

    async def block(self, person: str, seconds: float) -> None:
        """Block a person for this long."""
        self.coordinator.publish("blocked", person, seconds)
        until = time.time() + seconds
        row = self._insert(blocks).values(person=person, until=until)
        row = row.on_conflict_do_update(index_elements=["person"], set_={"until": until})
        await self._run(lambda each: each.execute(row))

    async def counted(self) -> list[tuple[str, str | None, float]]:
        """The requests to count in memory: person, server, seconds ago; oldest first."""
        now = time.time()
        query = (
            select(requests.c.person, requests.c.server, now - requests.c.at)
            .where(requests.c.at > now - self.coordinator.recent_seconds)
            .order_by(requests.c.at)
        )
        rows = await self._run(lambda each: each.execute(query))
        return [] if rows is None else [(person, server, ago) for person, server, ago in rows]

    async def blocked(self) -> list[tuple[str, float]]:
        """Blocked people and the seconds left of each block."""
        now = time.time()
        query = select(blocks.c.person, blocks.c.until - now).where(blocks.c.until > now)
        rows = await self._run(lambda each: each.execute(query))
        return [] if rows is None else [(person, left) for person, left in rows]

    async def erase(self, requester: Requester) -> None:
        """Delete all data of a person except a block that is running."""
        self.coordinator.publish("cancel", requester.person)
        theirs = (jobs.c.platform == requester.platform) & (jobs.c.user == requester.user)

        async def remove_all(connection: AsyncConnection) -> None:
            await connection.execute(delete(jobs).where(theirs))
            await connection.execute(delete(requests).where(requests.c.person == requester.person))

        await self._run(remove_all)
        await self.tidy()

    async def prune(self) -> None:
        """Delete rows that have expired."""
        now = time.time()

        async def remove_old(connection: AsyncConnection) -> None:
            old = events.c.received < now - REMEMBER_EVENTS
            await connection.execute(delete(events).where(old))
            await connection.execute(delete(requests).where(requests.c.at < now - DAY))
            await connection.execute(delete(blocks).where(blocks.c.until < now))
            await connection.execute(delete(audit).where(audit.c.at < now - self._audit_days * DAY))

        await self._run(remove_old)

    async def tidy(self) -> None:
        """Overwrite deleted data as far as possible, in the journal too."""
        self._journal.compact()
        await self._transactions.attempt(self._transactions.database.tidy)

    async def maintain(self) -> None:
        """Tidy every minute and prune every hour, until cancelled."""
        for minute in itertools.count():
            if minute % 60 == 0:
                await self.prune()
            await self.tidy()
            await asyncio.sleep(MINUTE)

    async def _forget(self, marks: Collection[str]) -> bool:
        """Delete jobs and the bodies of events by their marks; whether that worked."""

        async def forget(connection: AsyncConnection) -> bool:
            await remove(connection, marks, self.coordinator.identity)
            return True

        if marks and await self._run(forget) is None:
            return False
        self._journal.forget(marks)
        return True
