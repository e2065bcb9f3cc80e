"""Leases: which processes live, and which of them has a role that only one may have.

A process renews its lease every few seconds, by the database's clock. After `LEASE_SECONDS` without
a renewal it counts as gone, and others claim its work. Three rules keep an outage of the database,
or a change of its clock, from being mistaken for the death of processes:

- A process whose own renewals failed claims nothing until it has renewed for a whole lease again;
  the others come back within that time too.
- An expired lease is still its holder's to renew until another process has taken it.
- A process is gone only if its lease was expired at two renewals of this one in a row.

A holder knows without the database when its lease ends: it counts from before its request, by its
own clock, and a margin less than the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Float, Table, and_, cast, delete, extract, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.coordination import LeaderLease, Member
from bot.store.tables import leases, processes

RENEW_SECONDS, LEASE_SECONDS = 3.0, 12.0
# For clock drift and the time that a statement takes.
MARGIN_SECONDS = 1.0
# How long a silent process is still listed for admins.
FORGET_SECONDS = 300.0

# The database's clock in seconds since 1970: the clocks of machines differ.
CLOCK = cast(extract("epoch", func.clock_timestamp()), Float)
KNOWN = select(processes.c.id)
LIVING = KNOWN.where(processes.c.expires > CLOCK)


class Membership:
    """This process's lease and the roles it stands for.

    insert: the database's INSERT with ON CONFLICT.
    """

    def __init__(self, identity: str, insert: Callable[[Table], Any]) -> None:
        self.identity, self._insert = identity, insert
        self.members: list[Member] = []
        self.gone: set[str] = set()  # processes whose work may be claimed
        self.lapses = 0  # how often the lease had expired before a renewal
        self.describe: Callable[[], dict[str, Any]] = dict
        self._roles: dict[str, LeaderLease] = {}
        self._resigned: set[str] = set()
        self._renewed_at = self._since = float("-inf")
        self._renewal = asyncio.Event()

    @property
    def valid(self) -> bool:
        """Whether no other process can consider this one gone at this moment."""
        return time.monotonic() < self._renewed_at + LEASE_SECONDS - MARGIN_SECONDS

    @property
    def settled(self) -> bool:
        """Whether it has renewed for long enough to consider others gone."""
        return self.valid and self._renewed_at - self._since >= LEASE_SECONDS

    def campaign(self, name: str) -> LeaderLease:
        """Stand for a role from the next renewal on."""
        self._resigned.discard(name)
        return self._roles.setdefault(name, LeaderLease())

    def resign(self, name: str) -> None:
        """Give up a role at the next renewal."""
        if self._roles.pop(name, None) is not None:
            self._resigned.add(name)

    async def renewed(self) -> None:
        """Wait for the next renewal."""
        await self._renewal.wait()

    async def renew(self, connection: AsyncConnection) -> None:
        """Renew the lease, stand for roles, read the other processes, and commit."""
        begun = time.monotonic()
        settled = self.settled
        await connection.execute(self._own_renewal())
        won = {name: await self._elect(connection, name, settled) for name in list(self._roles)}
        if self._resigned:
            theirs = leases.c.name.in_(self._resigned) & (leases.c.process == self.identity)
            await connection.execute(delete(leases).where(theirs))
        old = processes.c.expires < CLOCK - FORGET_SECONDS
        await connection.execute(delete(processes).where(old))
        silent = CLOCK - processes.c.expires
        rows = await connection.execute(select(processes.c.id, processes.c.state, silent))
        await connection.commit()
        silent_before = {each.identity for each in self.members if each.silent}
        self.members = [Member(name, state, max(0.0, late)) for name, state, late in rows]
        self.gone = {each.identity for each in self.members if each.silent} & silent_before
        self._note(begun, won)

    async def leave(self, connection: AsyncConnection) -> None:
        """Give up the lease and all roles at once."""
        await connection.execute(delete(leases).where(leases.c.process == self.identity))
        await connection.execute(delete(processes).where(processes.c.id == self.identity))

    def _own_renewal(self) -> Any:
        row = {"state": self.describe(), "expires": CLOCK + LEASE_SECONDS}
        return (
            self._insert(processes)
            .values(id=self.identity, **row)
            .on_conflict_do_update(index_elements=["id"], set_=row)
        )

    async def _elect(self, connection: AsyncConnection, name: str, settled: bool) -> bool:
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
        if begun > self._renewed_at + LEASE_SECONDS - MARGIN_SECONDS:
            self.lapses += 1
            self._since = begun
        self._renewed_at = begun
        for name, holds in won.items():
            if (role := self._roles.get(name)) is not None:
                role.note(begun + LEASE_SECONDS - MARGIN_SECONDS if holds else 0.0)
        self._resigned.clear()
        self._renewal.set()
        self._renewal = asyncio.Event()
