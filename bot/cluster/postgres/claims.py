"""Claims: each job and each event belongs to one process.

A row names its owner. Other processes claim it only after the owner's lease has expired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, Table, and_, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cluster.postgres.leases import CLOCK, KNOWN, LIVING
from bot.requests.job import Requester
from bot.requests.limits import Excess, Rule
from bot.store.tables import events, jobs, requests

# Rows per claim; the rest is for other processes or the next claim.
MOST = 100
# The person has a job under way.
BUSY = Excess("busy", 1, 0.0)


async def admit(
    connection: AsyncConnection,
    requester: Requester,
    reference: str,
    rules: Sequence[Rule],
    answered: Collection[str],
) -> Excess | None:
    """Count a request, or return the limit that it exceeds among all processes.

    The caller's transaction stores the request; until it ends, no other request of this person or
    server is admitted. answered: references of answered jobs that are still in the table.
    """
    names = [requester.person, *filter(None, [requester.server])]
    # The person first, always: no two transactions wait for each other.
    locks = [func.pg_advisory_xact_lock(func.hashtextextended(name, 0)) for name in names]
    await connection.execute(select(*locks))
    theirs = (jobs.c.platform == requester.platform) & (jobs.c.user == requester.user)
    found = (await connection.execute(select(jobs.c.reference).where(theirs))).scalars().all()
    if reference in found:  # stored by a transaction whose commit was not confirmed
        return None
    if set(found) - set(answered):
        return BUSY
    for rule in rules:
        if (wait := await _wait(connection, rule)) > 0:
            return Excess(rule.kind, rule.limit, wait)
    row = {"person": requester.person, "server": requester.server, "at": CLOCK}
    await connection.execute(insert(requests).values(**row))
    return None


async def _wait(connection: AsyncConnection, rule: Rule) -> float:
    """Seconds until a limit allows another request."""
    column = requests.c.person if rule.personal else requests.c.server
    left = requests.c.at + rule.seconds - CLOCK
    query = (
        select(left)
        .where(column == rule.key, left > 0)
        .order_by(requests.c.at.desc())
        .offset(rule.limit - 1)
        .limit(1)
    )
    # A clock set back leaves requests in the future; they wait no longer than others.
    return min(rule.seconds, float((await connection.execute(query)).scalar() or 0.0))


async def adopt(
    connection: AsyncConnection, table: Table, platform: str, process: str, gone: Collection[str]
) -> Sequence[RowMapping]:
    """Claim rows of `jobs` or `events` whose owner is in `gone` or has left, except those that
    another process is claiming at this moment."""
    key = table.primary_key.columns
    left = or_(
        table.c.process.not_in(KNOWN),
        and_(table.c.process.in_(gone), table.c.process.not_in(LIVING)),
    )
    orphaned = and_(table.c.platform == platform, table.c.process != process, left)
    if table is events:
        orphaned = and_(orphaned, events.c.body.is_not(None))
    # A CTE: as a subquery, the planner might run it again for each row.
    free = select(*key).where(orphaned).limit(MOST).with_for_update(skip_locked=True).cte("free")
    claimed = update(table).where(tuple_(*key).in_(select(free))).values(process=process)
    rows: Sequence[RowMapping] = (
        (await connection.execute(claimed.returning(table))).mappings().all()
    )
    return rows
