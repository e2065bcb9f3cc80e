"""What the bot asks of its store. Nothing here raises for a store that fails.

A full disk, a locked or a damaged file cost durability and nothing else: the bot goes on with what
it holds in memory, the log says so once, and `trouble` says it to admins until it is over.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.requests.job import Job, Requester
from bot.requests.limits import Excess, Rule
from bot.store.coordination import Alone
from bot.store.database import Database
from bot.store.journal import Journal, event_mark, marks_of
from bot.store.rows import handling, job_of, origin_of, remembered, row_of
from bot.store.sqlite import SQLite
from bot.store.tables import audit, blocks, events, jobs, memory, requests

log = logging.getLogger(__name__)

MINUTE, DAY = 60.0, 86_400.0
JOURNAL = "sent.log"
# How long the platforms may deliver an event again.
REMEMBER_EVENTS = 3600.0
# What kills a process (no memory left, say) is seldom over at once.
SHAKY_SECONDS = 60.0
Work = Callable[[AsyncConnection], Awaitable[Any]]


class Store(Alone):
    """The tables of `bot.store.tables` in the program's own terms: those of a folder, in SQLite,
    which one process has to itself.

    `bot.cluster.postgres.store` has the store of many processes.
    """

    def __init__(
        self,
        folder: Path,
        audit_days: int = 90,
        database: Database | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._failing: str | None = None
        self._replaced: str | None = None
        self._audit_days = audit_days
        self._database: Database = database or SQLite(folder)
        self._engine: AsyncEngine | None = None
        self._memory: dict[str, Any] = {}
        self._journal = journal or Journal(folder / JOURNAL)
        self._sending: set[str] = set()  # by an earlier process, when it ended
        self._sent: set[str] = set()  # and not forgotten yet
        self._shaky_until = 0.0
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def trouble(self) -> str | None:
        """What admins should know: why nothing is kept at the moment, or what was set aside."""
        return self._failing or self._replaced

    @property
    def failing(self) -> bool:
        """Whether nothing is kept at the moment."""
        return self._failing is not None

    @property
    def size(self) -> int:
        """Bytes that are taken, as far as is known."""
        return self._database.size + self._journal.size

    @property
    def shaky(self) -> bool:
        """Whether a process was killed in this place so lately that this one may be too."""
        return time.monotonic() < self._shaky_until

    async def open(self) -> None:
        """Open or begin the database and read what is remembered."""
        self._memory = await self._run(remembered) or {}
        if not self._journal.ended:
            self._shaky_until = time.monotonic() + SHAKY_SECONDS
        self._sending, self._sent = self._journal.read()
        if await self._forget(self._sent):
            self._sent.clear()
        self._journal.begin_anew(self._sent)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await asyncio.gather(*self._tasks)
        await self._dispose()
        self._journal.end()

    # Values by name, and the admins' audit.

    def recall(self, name: str) -> Any:
        """The value last remembered under a name, None without one."""
        return self._memory.get(name)

    async def remember(self, name: str, value: Any) -> None:
        """Keep a value (anything JSON can hold) for this process and the next."""
        if self._memory.get(name) == value:
            return
        self._memory[name] = value
        await self._run(lambda each: each.execute(self._remembering(name, value)))

    async def record(self, who: str, what: str, **details: object) -> None:
        """Add an entry to the audit, with the time."""
        row = insert(audit).values(at=time.time(), who=who, what=what, details=details)
        await self._run(lambda each: each.execute(row))

    # Events that a platform delivers until they are confirmed.

    async def receive(self, platform: str, found: Mapping[str, Any]) -> list[str]:
        """Keep events (body by key) before they are confirmed; the keys seen for the first time.

        When nothing can be kept, all of them count as new.
        """
        if not found:
            return []
        now = time.time()
        mine = {"platform": platform, "received": now, "process": self.identity}
        rows = [{**mine, "key": key, "body": body} for key, body in found.items()]
        new = self._database.insert(events).values(rows).on_conflict_do_nothing()
        # Counted afterwards: a transaction is done again when its end was not heard of.
        seen = select(events.c.key).where(
            events.c.platform == platform,
            events.c.key.in_(found),
            events.c.received == now,
            self._mine(events),
        )

        async def keep(connection: AsyncConnection) -> list[str]:
            await connection.execute(new)
            return list((await connection.execute(seen)).scalars())

        keys = await self._run(keep)
        return list(found) if keys is None else [key for key in found if key in set(keys)]

    async def unhandled(self, platform: str) -> list[tuple[str, Any, float]]:
        """Key, body and time of receipt of the events that were kept and not handled, by this
        process or an earlier one in its place."""
        query = (
            select(events.c.key, events.c.body, events.c.received)
            .where(events.c.platform == platform, events.c.body.is_not(None), self._mine(events))
            .order_by(events.c.received, events.c.key)
        )
        rows = await self._run(lambda each: each.execute(query))
        found = [] if rows is None else [tuple(row) for row in rows]
        return [event for event in found if event_mark(platform, event[0]) not in self._sent]

    async def handled(self, platform: str, key: str) -> None:
        """Forget an event's body; its key stays for a while."""
        mark = event_mark(platform, key)
        if not await self._forget([mark]):
            self._sent.add(mark)
            self._journal.note_sent(mark)

    # Requests under way.

    async def take(self, job: Job, rules: Sequence[Rule] = ()) -> Excess | None:
        """Keep an accepted request, with an origin that JSON can hold; its event is handled.

        `rules` bind where other processes accept requests too: then the reason why this one is not
        to be taken, if it is one too many, and nothing has been kept.
        """
        requester = job.requester
        counted = insert(requests).values(
            person=requester.person, server=requester.server, at=time.time()
        )

        async def keep(connection: AsyncConnection) -> None:
            await self._keep(connection, job)
            await connection.execute(counted)

        await self._run(keep)
        return None

    async def note_origin(self, job: Job, origin: Any) -> None:
        """Keep where an answer goes now (a draft that was sent is edited, say)."""
        kept = origin_of(job, origin)
        change = update(jobs).where(jobs.c.reference == job.reference).values(origin=kept)
        await self._run(lambda each: each.execute(change))

    def note_sending(self, job: Job) -> None:
        """From now on the final message may have arrived."""
        self._journal.note_sending(job.reference)

    def note_sent(self, job: Job) -> None:
        """The final message has arrived: no process needs to send it again."""
        if job.reference not in self._sent:
            marks = marks_of(job)
            self._sent.update(marks)
            self._journal.note_sent(*marks)

    async def finish(self, job: Job) -> None:
        """Forget a request."""
        if await self._forget(marks_of(job)):
            self._sent.difference_update(marks_of(job))

    async def unfinished(self, platform: str) -> list[tuple[Job, bool]]:
        """Requests that an earlier process in this one's place accepted and did not finish, oldest
        first, and whether the final message of each may have been sent."""
        query = (
            select(jobs).where(jobs.c.platform == platform, self._mine(jobs)).order_by(jobs.c.asked)
        )
        rows = await self._run(lambda each: each.execute(query))
        found = [] if rows is None else [job_of(row._mapping) for row in rows]
        left = [job for job in found if job.reference not in self._sent]
        return [(job, job.reference in self._sending) for job in left]

    # Limits and privacy.

    async def block(self, person: str, seconds: float) -> None:
        """Remember that a person is not answered for so long."""
        until = time.time() + seconds
        row = self._database.insert(blocks).values(person=person, until=until)
        row = row.on_conflict_do_update(index_elements=["person"], set_={"until": until})
        await self._run(lambda each: each.execute(row))

    async def counted(self, seconds: float = DAY) -> list[tuple[str, str | None, float]]:
        """The requests of the last seconds: person, server, seconds ago; oldest first."""
        now = time.time()
        query = (
            select(requests.c.person, requests.c.server, now - requests.c.at)
            .where(requests.c.at > now - seconds)
            .order_by(requests.c.at)
        )
        rows = await self._run(lambda each: each.execute(query))
        return [] if rows is None else [tuple(row) for row in rows]

    async def blocked(self) -> list[tuple[str, float]]:
        """People who are not answered at the moment, and for how many seconds more."""
        now = time.time()
        query = select(blocks.c.person, blocks.c.until - now).where(blocks.c.until > now)
        rows = await self._run(lambda each: each.execute(query))
        return [] if rows is None else [tuple(row) for row in rows]

    async def erase(self, requester: Requester) -> None:
        """Remove all that is kept of a person, but for a block that is running."""
        theirs = (jobs.c.platform == requester.platform) & (jobs.c.user == requester.user)

        async def remove(connection: AsyncConnection) -> None:
            await connection.execute(delete(jobs).where(theirs))
            await connection.execute(delete(requests).where(requests.c.person == requester.person))

        await self._run(remove)
        await self.tidy()

    async def prune(self) -> None:
        """Remove what has served its time."""
        now = time.time()

        async def remove(connection: AsyncConnection) -> None:
            old = events.c.received < now - REMEMBER_EVENTS
            await connection.execute(delete(events).where(old))
            await connection.execute(delete(requests).where(requests.c.at < now - DAY))
            await connection.execute(delete(blocks).where(blocks.c.until < now))
            await connection.execute(delete(audit).where(audit.c.at < now - self._audit_days * DAY))

        await self._run(remove)

    async def tidy(self) -> None:
        """Leave as little as can be of what was deleted, in the journal too."""
        self._journal.begin_anew(self._sent)
        await self._attempt(self._database.tidy)

    async def maintain(self) -> None:
        """Tidy every minute and prune every hour, until cancelled."""
        for minute in itertools.count():
            if minute % 60 == 0:
                await self.prune()
            await self.tidy()
            await asyncio.sleep(MINUTE)

    # The database below.

    async def _run(self, work: Work) -> Any:
        """Do this in a transaction; None, with a line in the log, when it fails."""

        async def transaction(engine: AsyncEngine) -> Any:
            async with engine.begin() as connection:
                return await work(connection)

        return await self._attempt(transaction)

    async def _attempt(self, work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
        """Do this to its end even if the caller is cancelled meanwhile; None when it fails."""
        task = asyncio.create_task(self._do(work), name="store transaction")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _do(self, work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
        try:
            outcome = await work(await self._opened())
        except self._database.errors as error:
            await self._fail(error)
            return None
        self._recover()
        return outcome

    def _recover(self) -> None:
        if self._failing is not None:
            log.info("the store works again")
            self._failing = None

    async def _opened(self) -> AsyncEngine:
        async with self._opening:
            if self._engine is None:
                self._engine, replaced = await self._database.open()
                self._replaced = replaced or self._replaced
            return self._engine

    async def _fail(self, error: Exception) -> None:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        if reason != self._failing:
            log.error("the store fails (%s); going on without it", reason)
        self._failing = reason
        if self._database.is_damage(error):  # opened again, it is found out and set aside
            await self._dispose()

    async def _dispose(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    # Rows.

    def _mine(self, table: Table) -> Any:
        """Which of these are this process's: all of them."""
        return true()

    async def _keep(self, connection: AsyncConnection, job: Job) -> None:
        row = self._database.insert(jobs).values(**row_of(job), process=self.identity)
        await connection.execute(row.on_conflict_do_nothing())
        if job.event is not None:
            await connection.execute(handling(job.requester.platform, job.event))

    def _remembering(self, name: str, value: Any) -> Any:
        row = self._database.insert(memory).values(name=name, value=value)
        return row.on_conflict_do_update(index_elements=["name"], set_={"value": value})

    async def _forget(self, marks: Collection[str]) -> bool:
        """Whether there is nothing left of requests and events, by their marks."""

        async def forget(connection: AsyncConnection) -> bool:
            await self._remove(connection, marks)
            return True

        return not marks or await self._run(forget) is not None

    async def _remove(self, connection: AsyncConnection, marks: Collection[str]) -> None:
        requests_left = [mark for mark in marks if "/" not in mark]
        if requests_left:
            gone = delete(jobs).where(jobs.c.reference.in_(requests_left), self._mine(jobs))
            await connection.execute(gone)
        for mark in marks:
            platform, found, key = mark.partition("/")
            if found:
                await connection.execute(handling(platform, key))
