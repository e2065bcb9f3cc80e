"""What the bot asks of its store. Nothing here raises for a store that fails.

A full disk, a locked or a damaged file cost durability and nothing else: the bot goes on with what
it holds in memory, the log says so once, and `trouble` says it to admins until it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.jobs import Job, Requester
from bot.store.database import FILE, is_damage, open_database
from bot.store.journal import Journal
from bot.store.tables import audit, blocks, events, jobs, memory, requests
from model.prompt import Options

log = logging.getLogger(__name__)

MINUTE, DAY = 60.0, 86_400.0
JOURNAL = "sent.log"
# How long the platforms may deliver an event again.
REMEMBER_EVENTS = 3600.0
Work = Callable[[AsyncConnection], Awaitable[Any]]


class Store:
    """The tables of `bot.store.tables` in the program's own terms."""

    def __init__(self, folder: Path, audit_days: int = 90) -> None:
        self._failing: str | None = None
        self._replaced: str | None = None
        self._folder, self._audit_days = folder, audit_days
        self._engine: AsyncEngine | None = None
        self._memory: dict[str, Any] = {}
        self._journal = Journal(folder / JOURNAL)
        self._sending: set[str] = set()  # by an earlier process, when it ended
        self._sent: set[str] = set()  # and not forgotten yet
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
        """Bytes of its files, of those set aside too."""
        total = 0
        for path in (*self._folder.glob(f"{FILE}*"), self._folder / JOURNAL):
            with contextlib.suppress(OSError):  # gone meanwhile
                total += path.stat().st_size
        return total

    async def open(self) -> None:
        """Open or begin the database and read what is remembered."""
        rows = await self._run(lambda each: each.execute(select(memory.c.name, memory.c.value)))
        self._memory = dict(rows.all()) if rows is not None else {}
        self._sending, self._sent = self._journal.read()
        if await self._forget(self._sent):
            self._sent.clear()
        self._journal.begin_anew(self._sent)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await asyncio.gather(*self._tasks)
        await self._dispose()
        self._journal.close()

    # Values by name, and the admins' audit.

    def recall(self, name: str) -> Any:
        """The value last remembered under a name, None without one."""
        return self._memory.get(name)

    async def remember(self, name: str, value: Any) -> None:
        """Keep a value (anything JSON can hold) for this process and the next."""
        if self._memory.get(name) == value:
            return
        self._memory[name] = value
        row = insert(memory).values(name=name, value=value)
        row = row.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        await self._run(lambda each: each.execute(row))

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
        rows = [
            {"platform": platform, "key": key, "body": body, "received": now}
            for key, body in found.items()
        ]
        new = insert(events).values(rows).on_conflict_do_nothing().returning(events.c.key)

        async def keep(connection: AsyncConnection) -> list[str]:
            return list((await connection.execute(new)).scalars())

        keys = await self._run(keep)
        return list(found) if keys is None else [key for key in found if key in set(keys)]

    async def unhandled(self, platform: str) -> list[tuple[str, Any, float]]:
        """Key, body and time of receipt of the events that were kept and not handled."""
        query = (
            select(events.c.key, events.c.body, events.c.received)
            .where(events.c.platform == platform, events.c.body.is_not(None))
            .order_by(events.c.received, events.c.key)
        )
        rows = await self._run(lambda each: each.execute(query))
        return [] if rows is None else [tuple(row) for row in rows]

    async def handled(self, platform: str, key: str) -> None:
        """Forget an event's body; its key stays for a while."""
        await self._run(lambda each: each.execute(_handled(platform, key)))

    # Requests under way.

    async def take(self, job: Job) -> None:
        """Keep an accepted request, with an origin that JSON can hold; its event is handled."""
        requester, now = job.requester, time.time()
        row = insert(jobs).values(
            reference=job.reference,
            platform=requester.platform,
            user=requester.user,
            place=requester.place,
            language=requester.language,
            phrase=job.phrase,
            options=asdict(job.options),
            private=job.private,
            origin=job.origin,
            asked=now - (time.monotonic() - job.asked),
        )
        counted = insert(requests).values(person=requester.person, server=requester.server, at=now)

        async def keep(connection: AsyncConnection) -> None:
            await connection.execute(row.on_conflict_do_nothing())
            await connection.execute(counted)
            if job.event is not None:
                await connection.execute(_handled(requester.platform, job.event))

        await self._run(keep)

    async def note_origin(self, reference: str, origin: Any) -> None:
        """Keep where an answer goes now (a draft that was sent is edited, say)."""
        change = update(jobs).where(jobs.c.reference == reference).values(origin=origin)
        await self._run(lambda each: each.execute(change))

    def note_sending(self, job: Job) -> None:
        """From now on the final message may have arrived."""
        self._journal.note_sending(job.reference)

    def note_sent(self, job: Job) -> None:
        """The final message has arrived: no process needs to send it again."""
        if job.reference not in self._sent:
            self._sent.add(job.reference)
            self._journal.note_sent(job.reference)

    async def finish(self, job: Job) -> None:
        """Forget a request."""
        if await self._forget({job.reference}):
            self._sent.discard(job.reference)

    async def unfinished(self, platform: str) -> list[tuple[Job, bool]]:
        """Requests that an earlier process accepted and did not finish, oldest first, and whether
        the final message of each may have been sent."""
        query = select(jobs).where(jobs.c.platform == platform).order_by(jobs.c.asked)
        rows = await self._run(lambda each: each.execute(query))
        found = [] if rows is None else [_job(row._mapping) for row in rows]
        return [(job, job.reference in self._sending) for job in found]

    async def _forget(self, references: set[str]) -> bool:
        gone = delete(jobs).where(jobs.c.reference.in_(references))
        return await self._run(lambda each: each.execute(gone)) is not None

    # Limits and privacy.

    async def block(self, person: str, seconds: float) -> None:
        """Remember that a person is not answered for so long."""
        until = time.time() + seconds
        row = insert(blocks).values(person=person, until=until)
        row = row.on_conflict_do_update(index_elements=["person"], set_={"until": until})
        await self._run(lambda each: each.execute(row))

    async def counted(self) -> list[tuple[str, str | None, float]]:
        """The requests of the last day: person, server, seconds ago; oldest first."""
        now = time.time()
        query = (
            select(requests.c.person, requests.c.server, now - requests.c.at)
            .where(requests.c.at > now - DAY)
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
        """Leave nothing of what was deleted in the write-ahead log either, nor in the journal."""
        self._journal.begin_anew(self._sent)
        await self._run(lambda each: each.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)"))

    async def maintain(self) -> None:
        """Tidy every minute and prune every hour, until cancelled."""
        for minute in itertools.count():
            if minute % 60 == 0:
                await self.prune()
            await self.tidy()
            await asyncio.sleep(MINUTE)

    # The database below.

    async def _run(self, work: Work) -> Any:
        """Do this in a transaction, to its end even if the caller is cancelled meanwhile; None,
        with a line in the log, when it fails."""
        task = asyncio.create_task(self._transact(work), name="store transaction")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _transact(self, work: Work) -> Any:
        try:
            engine = await self._opened()
            async with engine.begin() as connection:
                outcome = await work(connection)
        # ValueError is what a connection says that was closed because another met damage.
        except (SQLAlchemyError, OSError, ValueError) as error:
            await self._fail(error)
            return None
        if self._failing is not None:
            log.info("the store works again")
            self._failing = None
        return outcome

    async def _opened(self) -> AsyncEngine:
        async with self._opening:
            if self._engine is None:
                self._engine, replaced = await open_database(self._folder)
                self._replaced = replaced or self._replaced
            return self._engine

    async def _fail(self, error: Exception) -> None:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        if reason != self._failing:
            log.error("the store fails (%s); going on without it", reason)
        self._failing = reason
        if is_damage(error):  # opened again, it is found out and set aside
            await self._dispose()

    async def _dispose(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()


def _handled(platform: str, key: str) -> Any:
    this = (events.c.platform == platform) & (events.c.key == key)
    return update(events).where(this).values(body=None)


def _job(row: Mapping[str, Any]) -> Job:
    return Job(
        row["phrase"],
        Options(**row["options"]),
        Requester(row["platform"], row["user"], row["place"], row["language"]),
        row["origin"],
        private=row["private"],
        reference=row["reference"],
        asked=time.monotonic() - (time.time() - row["asked"]),
    )


@contextlib.asynccontextmanager
async def open_store(folder: Path, audit_days: int = 90) -> AsyncIterator[Store]:
    """A store for as long as the context lasts."""
    store = Store(folder, audit_days)
    await store.open()
    maintenance = asyncio.create_task(store.maintain(), name="store maintenance")
    try:
        yield store
    finally:
        maintenance.cancel()
        await asyncio.gather(maintenance, return_exceptions=True)
        await store.close()
