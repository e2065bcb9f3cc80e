"""Which processes live, and which of them does what only one may do.

A process renews its lease every few seconds, by the database's clock. One that has not for
`LEASE_SECONDS` counts as gone, and others take over what it had claimed. Two rules keep a database
that was away for everybody from being taken for the death of others: whoever could not renew for a
while takes nothing over before it has renewed for a whole lease again, in which the others come
back too; and a lease is its holder's to renew, however late, as long as nobody has taken it. And
since the database's clock may be set, nobody is gone who was not at two renewals in a row.

A holder does not need the database to know that it holds no longer: it counts from the moment
before it asked, by its own clock, and a little less than the database does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.coordination import Lead, Member
from bot.store.database import CLOCK
from bot.store.tables import leases, processes

BEAT_SECONDS, LEASE_SECONDS = 3.0, 12.0
# Clocks run differently fast, and a statement takes its time.
MARGIN_SECONDS = 1.0
# How long one that has gone silent is still named to admins.
MOURNED_SECONDS = 300.0

KNOWN = select(processes.c.id)
LIVING = KNOWN.where(processes.c.expires > CLOCK)


class Membership:
    """This process's lease among those of the others; `insert` is the database's."""

    def __init__(self, identity: str, insert: Callable[[Table], Any]) -> None:
        self.identity, self._insert = identity, insert
        self.members: list[Member] = []
        self.gone: set[str] = set()  # those that may be inherited from
        self.lapses = 0  # how many times the lease had run out before it was renewed
        self.describe: Callable[[], dict[str, Any]] = dict
        self._leads: dict[str, Lead] = {}
        self._returned: set[str] = set()
        self._renewed = self._since = float("-inf")
        self._beaten = asyncio.Event()

    @property
    def valid(self) -> bool:
        """Whether no other process can take this one for gone at this moment."""
        return time.monotonic() < self._renewed + LEASE_SECONDS - MARGIN_SECONDS

    @property
    def settled(self) -> bool:
        """Whether it has renewed for long enough to judge others by their silence."""
        return self.valid and self._renewed - self._since >= LEASE_SECONDS

    @property
    def others(self) -> list[Member]:
        """The other processes that live."""
        return [each for each in self.members if each.identity != self.identity and not each.silent]

    def want(self, name: str) -> Lead:
        """Try for a lease from now on."""
        self._returned.discard(name)
        return self._leads.setdefault(name, Lead())

    def give_back(self, name: str) -> None:
        """Try no longer; at the next renewal it is free for others."""
        if self._leads.pop(name, None) is not None:
            self._returned.add(name)

    async def beat(self) -> None:
        """Wait for the next renewal."""
        await self._beaten.wait()

    async def renew(self, connection: AsyncConnection) -> None:
        """Say that this process lives, renew or try for what it wants, and see who else lives."""
        begun = time.monotonic()
        settled = self.settled
        await connection.execute(self._sign_of_life())
        won = {name: await self._try(connection, name, settled) for name in list(self._leads)}
        if self._returned:
            theirs = leases.c.name.in_(self._returned) & (leases.c.process == self.identity)
            await connection.execute(delete(leases).where(theirs))
        gone = processes.c.expires < CLOCK - MOURNED_SECONDS
        await connection.execute(delete(processes).where(gone))
        silent = CLOCK - processes.c.expires
        rows = await connection.execute(select(processes.c.id, processes.c.state, silent))
        await connection.commit()
        silent_before = {each.identity for each in self.members if each.silent}
        self.members = [Member(name, state, max(0.0, late)) for name, state, late in rows]
        self.gone = {each.identity for each in self.members if each.silent} & silent_before
        self._note(begun, won)

    async def leave(self, connection: AsyncConnection) -> None:
        """Give everything back at once."""
        await connection.execute(delete(leases).where(leases.c.process == self.identity))
        await connection.execute(delete(processes).where(processes.c.id == self.identity))

    def _sign_of_life(self) -> Any:
        row = {"state": self.describe(), "expires": CLOCK + LEASE_SECONDS}
        return (
            self._insert(processes)
            .values(id=self.identity, **row)
            .on_conflict_do_update(index_elements=["id"], set_=row)
        )

    async def _try(self, connection: AsyncConnection, name: str, settled: bool) -> bool:
        row = {"process": self.identity, "expires": CLOCK + LEASE_SECONDS}
        free = leases.c.process == self.identity
        if settled:
            orphaned = or_(leases.c.process.in_(self.gone), leases.c.process.not_in(KNOWN))
            free = or_(free, and_(leases.c.expires < CLOCK, orphaned))
        renewal = (
            self._insert(leases)
            .values(name=name, **row)
            .on_conflict_do_update(index_elements=["name"], set_=row, where=free)
            .returning(leases.c.process)
        )
        return (await connection.execute(renewal)).first() is not None

    def _note(self, begun: float, won: dict[str, bool]) -> None:
        if begun > self._renewed + LEASE_SECONDS - MARGIN_SECONDS:
            self.lapses += 1
            self._since = begun
        self._renewed = begun
        for name, holds in won.items():
            if (lead := self._leads.get(name)) is not None:
                lead.note(begun + LEASE_SECONDS - MARGIN_SECONDS if holds else 0.0)
        self._returned.clear()
        self._beaten.set()
        self._beaten = asyncio.Event()
