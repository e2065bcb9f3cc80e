"""The store that several processes share: PostgreSQL, and what keeps them out of each other's way.

One connection is this process's sign of life. On it the lease is renewed every few seconds, and the
others' news are heard; whatever must not be missed is read again with each renewal. All other work
goes through a pool, and goes on, as with any store, without the database when that is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table, delete, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.cluster.postgres.claims import BUSY, admit, adopt
from bot.cluster.postgres.database import CONNECTIONS, Postgres, is_shutdown
from bot.cluster.postgres.identity import Slot, take_slot
from bot.cluster.postgres.leases import BEAT_SECONDS, LIVING, Membership
from bot.cluster.postgres.notifications import Bus
from bot.requests.job import Job, Requester
from bot.requests.limits import Excess, Rule
from bot.store.coordination import Lead, Member
from bot.store.journal import event_mark, marks_of
from bot.store.rows import job_of, remembered
from bot.store.store import Store
from bot.store.tables import events, jobs

log = logging.getLogger(__name__)

# After a failure to connect nothing is tried for so long, or everybody would wait for it.
REST_SECONDS = 1.0
# A renewal that takes longer than this has failed, and any other piece of work, be it that it only
# waits for a connection.
RENEWAL_SECONDS, WORK_SECONDS = 5.0, 6.0
# News wait for company for so long: each notification holds up all commits for a moment.
GATHER_SECONDS = 0.05
# An answer that is there may still seem under way for a moment.
PAUSES = (0.05, 0.15)
# How many dead connections a piece of work may meet.
TRIES = 3
# How long all connections of the pool are held at the start, for them to be made.
WARM_SECONDS = 0.1
# How long it is waited for that the connection of an earlier life ends.
IDENTITY_TRIES, IDENTITY_PAUSE_SECONDS = 10, 0.2
# So much of the limits is known in memory too, where it counts while the database is away.
RECENT_SECONDS = 60.0


class SharedStore(Store):
    """A store of many processes; see bot.store.store for what each method is."""

    shared = True

    def __init__(self, folder: Path, audit_days: int, url: str) -> None:
        self._slot: Slot = take_slot(folder)
        self._postgres = Postgres(url)
        super().__init__(folder, audit_days, self._postgres, self._slot.journal)
        self._be(self._slot.identity)
        self._claimed: dict[str, int] = {}  # lapses of the lease when a request was claimed
        self._leaving: dict[str, asyncio.Task[bool]] = {}
        self._unwritten: set[str] = set()  # values that the database does not have yet, by name
        self._edits = 0
        self._introduced = True  # the others have been told to look at what it says of itself
        self._watchers: list[Callable[[], object]] = []
        self._resting_until = 0.0
        self._hurried, self._news = asyncio.Event(), asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Raises SettingsError or UnreachableError when there is no database to begin with."""
        try:
            self._engine = await self._postgres.reach()
        except BaseException:
            self._slot.release()
            raise
        if not await self._is_free(self._slot.identity):
            log.warning("another process has this one's identity: were its files copied?")
            self._be(secrets.token_hex(8))
        await asyncio.gather(*(self._run(_nap) for _ in range(CONNECTIONS)))
        self._bus.subscribe("look", self._hurried.set)
        self._loops = [
            asyncio.create_task(self._live(), name="sign of life"),
            asyncio.create_task(self._tell(), name="news"),
        ]
        with contextlib.suppress(TimeoutError):  # what is claimed now is then as good as lost
            async with asyncio.timeout(RENEWAL_SECONDS):
                await self._membership.beat()
        await super().open()

    async def close(self) -> None:
        await asyncio.gather(*self._leaving.values())
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._run(self._membership.leave)
        await super().close()
        self._slot.release()

    async def remember(self, name: str, value: Any) -> None:
        if self._memory.get(name) == value:
            return
        self._memory[name] = value
        self._edits += 1
        self._unwritten.add(name)
        if (written := await self._run(self._write)) is not None:
            self._note_written(written)
            self.publish("look")

    async def claim(self, platform: str, key: str) -> bool:
        row = {"platform": platform, "key": key, "received": time.time(), "process": self.identity}
        claimed = self._database.insert(events).values(row).on_conflict_do_nothing()
        owner = select(events.c.process).where(events.c.platform == platform, events.c.key == key)

        async def ask(connection: AsyncConnection) -> str:
            await connection.execute(claimed)
            return str((await connection.execute(owner)).scalar_one())

        return await self._run(ask) in (self.identity, None)

    async def take(self, job: Job, rules: Sequence[Rule] = ()) -> Excess | None:
        async def keep(connection: AsyncConnection) -> tuple[Excess | None]:
            excess = await admit(connection, job.requester, job.reference, rules, self._sent)
            if excess is None and job.origin is not None:
                await self._keep(connection, job)
            return (excess,)

        excess: Excess | None = BUSY
        for pause in (*PAUSES, None):
            outcome = await self._run(keep)
            if outcome is None:  # nobody can say: each process goes by what it knows
                excess = None
                break
            (excess,) = outcome
            if excess is None:
                self._claimed[job.reference] = self._membership.lapses
            if excess != BUSY or pause is None:
                break
            await asyncio.sleep(pause)
        if excess is None:
            self.publish("counted", job.requester.person, job.requester.server)
        return excess

    def note_sent(self, job: Job) -> None:
        """The row goes at once: to whoever takes over later, a row that is there is a request
        without an answer."""
        if job.reference in self._sent:
            return
        super().note_sent(job)
        leaving = asyncio.create_task(self._leave(job.reference), name=f"forget {job.reference}")
        self._leaving[job.reference] = leaving

    async def owns(self, job: Job) -> bool:
        """Not once the lease had run out meanwhile and another process has taken it over. While
        nobody can say, it is: rather twice than never."""
        claimed = self._claimed.get(job.reference)
        lasting = self._membership.valid and claimed == self._membership.lapses
        if claimed is None or lasting:
            return True
        query = select(jobs.c.process).where(jobs.c.reference == job.reference)
        found = await self._run(lambda each: _scalars(each, query))
        return found is None or found == [self.identity]

    async def finish(self, job: Job) -> None:
        self._claimed.pop(job.reference, None)
        leaving = self._leaving.pop(job.reference, None)
        if leaving is not None and await leaving:
            self._sent.difference_update(marks_of(job))
        else:
            await super().finish(job)

    async def unfinished(self, platform: str) -> list[tuple[Job, bool]]:
        found = await super().unfinished(platform)
        self._claimed |= {job.reference: self._membership.lapses for job, _ in found}
        return found

    async def block(self, person: str, seconds: float) -> None:
        self.publish("blocked", person, seconds)
        await super().block(person, seconds)

    @property
    def members(self) -> list[Member]:
        """The others as they were at the last renewal."""
        ours, state = self.identity, self._membership.describe()
        return [
            replace(each, state=state) if each.identity == ours else each
            for each in self._membership.members
        ]

    def describe(self, state: Callable[[], dict[str, Any]]) -> None:
        self._membership.describe = state
        self._introduced = False
        self._hurried.set()

    def hurry(self) -> None:
        self._hurried.set()

    def publish(self, kind: str, *said: Any) -> None:
        self._bus.publish(kind, *said)
        self._news.set()

    def subscribe(self, kind: str, handler: Callable[..., object]) -> None:
        self._bus.subscribe(kind, handler)

    def watch(self, changed: Callable[[], object]) -> None:
        self._watchers.append(changed)

    def want(self, name: str) -> Lead:
        lead = self._membership.want(name)
        self._hurried.set()
        return lead

    def give_back(self, name: str) -> None:
        self._membership.give_back(name)
        self._hurried.set()

    async def beat(self) -> None:
        await self._membership.beat()

    async def orphans(self, platform: str) -> list[tuple[Job, bool]]:
        found = {each.reference: each for each in map(job_of, await self._adopt(jobs, platform))}
        sent = self._sent_by_the_dead() & found.keys() if found else set()
        await self._forget(sent)
        self._claimed |= dict.fromkeys(found.keys() - sent, self._membership.lapses)
        left = [job for job in found.values() if job.reference not in sent]
        return [(job, True) for job in sorted(left, key=lambda job: job.asked)]

    async def orphaned_events(self, platform: str) -> list[tuple[str, Any, float]]:
        rows = await self._adopt(events, platform)
        found = {event_mark(platform, row["key"]): row for row in rows}
        sent = self._sent_by_the_dead() & found.keys() if found else set()
        await self._forget(sent)
        left = [row for mark, row in found.items() if mark not in sent]
        unhandled = [(row["key"], row["body"], row["received"]) for row in left]
        return sorted(unhandled, key=lambda event: event[2])

    def _sent_by_the_dead(self) -> set[str]:
        """The marks of what those who have ended on this machine left word of having sent."""
        return set().union(*(each.read()[1] for each in self._slot.neighbours()))

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

    async def counted(self, seconds: float = RECENT_SECONDS) -> list[tuple[str, str | None, float]]:
        return await super().counted(seconds)

    async def erase(self, requester: Requester) -> None:
        self.publish("cancel", requester.person)
        await super().erase(requester)

    # The sign of life.

    def _be(self, identity: str) -> None:
        self.identity = identity
        self._bus = Bus(identity)
        self._membership = Membership(identity, self._database.insert)

    async def _is_free(self, identity: str) -> bool:
        """Whether no other process lives under this name. A connection of an earlier life may take
        a moment to be seen to be gone."""
        asked = select(func.pg_try_advisory_xact_lock(_number(identity)))
        for _ in range(IDENTITY_TRIES):
            if (free := await self._run(lambda each: _scalars(each, asked))) is None or free[0]:
                return True
            await asyncio.sleep(IDENTITY_PAUSE_SECONDS)
        return False

    async def _live(self) -> None:
        """Renew the lease for as long as the database lets us, and connect again when it does."""
        while True:
            try:
                engine = await self._opened()
                async with engine.connect() as connection:
                    try:
                        name = select(func.pg_try_advisory_lock(_number(self.identity)))
                        await connection.execute(name)
                        await self._bus.listen(connection)
                        while True:
                            async with asyncio.timeout(RENEWAL_SECONDS):
                                await self._renew(connection)
                            await self._until_hurried()
                    finally:  # it listens, so it is of no use to others
                        with contextlib.suppress(SQLAlchemyError):  # it is so already
                            await connection.invalidate()
            except self._database.errors as error:
                await self._fail(error)
            except Exception:  # whatever it is, a process without a lease is worse
                log.exception("the lease cannot be renewed")
            await asyncio.sleep(REST_SECONDS)

    async def _renew(self, connection: AsyncConnection) -> None:
        """What was answered is forgotten first: whoever renews has left nothing to be answered
        twice."""
        edits, answered = self._edits, self._sent - self._leaving.keys()
        introduced, self._introduced = self._introduced, True
        await self._remove(connection, answered)
        written = await self._write(connection)
        found = await remembered(connection)
        await self._membership.renew(connection)
        self._sent -= answered
        self._note_written(written)
        self._resting_until = 0.0
        self._recover()
        if not introduced:
            self.publish("look")
        if edits == self._edits:
            self._refresh(found)

    async def _until_hurried(self) -> None:
        # Not asyncio.wait_for, which forgets about being cancelled when both happen at once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await self._hurried.wait()
        self._hurried.clear()

    def _refresh(self, found: dict[str, Any]) -> None:
        """Take over what others have changed; what we have changed and could not write is later."""
        found = found | {name: self._memory[name] for name in self._unwritten}
        before, self._memory = self._memory, found
        if before != found:
            for changed in self._watchers:
                changed()

    async def _write(self, connection: AsyncConnection) -> dict[str, Any]:
        writing = {name: self._memory[name] for name in self._unwritten}
        for name, value in writing.items():
            await connection.execute(self._remembering(name, value))
        return writing

    def _note_written(self, written: dict[str, Any]) -> None:
        self._unwritten -= {name for name, value in written.items() if self._memory[name] == value}

    async def _tell(self) -> None:
        """Send news, again and again until they are sent."""
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER_SECONDS)
            if self._bus.has_news and await self._attempt(self._send) is None:
                await asyncio.sleep(REST_SECONDS)
                self._news.set()

    async def _send(self, engine: AsyncEngine) -> bool:
        async with engine.connect() as connection:
            await self._bus.tell(connection)
        return True

    # The database below.

    async def _do(self, work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
        if time.monotonic() < self._resting_until:
            return None

        async def bounded(engine: AsyncEngine) -> Any:
            async with asyncio.timeout(WORK_SECONDS):
                return await _persistently(work)(engine)

        return await super()._do(bounded)

    async def _fail(self, error: Exception) -> None:
        if not isinstance(error, SQLAlchemyError):  # there is no connection
            self._resting_until = time.monotonic() + REST_SECONDS
        await super()._fail(error)

    async def _leave(self, reference: str) -> bool:
        gone = delete(jobs).where(jobs.c.reference == reference, self._mine(jobs))
        done = await self._run(lambda each: each.execute(gone))
        return done is not None and done.rowcount > 0

    async def _adopt(self, table: Table, platform: str) -> Sequence[Any]:
        if not self._membership.settled:
            return []
        ours, gone = str(self.identity), self._membership.gone
        return await self._run(lambda each: adopt(each, table, platform, ours, gone)) or []

    def _mine(self, table: Table) -> Any:
        return table.c.process == self.identity


def _persistently(
    work: Callable[[AsyncEngine], Awaitable[Any]],
) -> Callable[[AsyncEngine], Awaitable[Any]]:
    """Do it again when a connection turns out to be dead: after a restart of the server that is how
    all connections of the pool are found."""

    async def tried(engine: AsyncEngine) -> Any:
        for _ in range(TRIES - 1):
            try:
                return await work(engine)
            except DBAPIError as error:
                if not (error.connection_invalidated or is_shutdown(error)):
                    raise
        return await work(engine)

    return tried


def _number(identity: str | None) -> Any:
    """What stands for a process where PostgreSQL locks numbers."""
    return func.hashtextextended(f"process {identity}", 0)


async def _nap(connection: AsyncConnection) -> None:
    """Hold a connection until others have had to be made: one that is made when it is needed keeps
    waiting whoever wants to note that an answer has arrived."""
    await connection.execute(select(func.pg_sleep(WARM_SECONDS)))


async def _scalars(connection: AsyncConnection, query: Select[Any]) -> list[Any]:
    return list((await connection.execute(query)).scalars())
