"""What exactly one of several processes does: take a request, handle an event, and what is left of
a process that is gone.

A row names the process that has claimed it. While that process lives, the row is nobody else's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, Table, and_, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cluster.postgres.leases import KNOWN, LIVING
from bot.requests.job import Requester
from bot.requests.limits import Excess, Rule
from bot.store.database import CLOCK
from bot.store.tables import events, jobs, requests

# So many rows at a time; the others are for the other processes, or for the next time.
MOST = 100
# What is said of a person for whom something is being written already.
BUSY = Excess("busy", 1, 0.0)


async def admit(
    connection: AsyncConnection,
    requester: Requester,
    reference: str,
    rules: Sequence[Rule],
    answered: Collection[str],
) -> Excess | None:
    """Count a request, unless it is one too many wherever the others came in: then why.

    To be called in the transaction that keeps it. Until that ends, nothing else is admitted for
    this person or in this server. `answered`: requests that only seem to be under way.
    """
    names = [requester.person, *filter(None, [requester.server])]
    # One after the other, the person first, so that no two transactions wait for each other.
    locks = [func.pg_advisory_xact_lock(func.hashtextextended(name, 0)) for name in names]
    await connection.execute(select(*locks))
    theirs = (jobs.c.platform == requester.platform) & (jobs.c.user == requester.user)
    found = (await connection.execute(select(jobs.c.reference).where(theirs))).scalars().all()
    if reference in found:  # it was, by a transaction of whose end we were not told
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
    """Seconds until the oldest of the last requests that fill a limit leaves its window."""
    column = requests.c.person if rule.personal else requests.c.server
    left = requests.c.at + rule.seconds - CLOCK
    query = (
        select(left)
        .where(column == rule.key, left > 0)
        .order_by(requests.c.at.desc())
        .offset(rule.limit - 1)
        .limit(1)
    )
    # A request of the future, which a clock that was set back leaves behind, waits no longer.
    return min(rule.seconds, float((await connection.execute(query)).scalar() or 0.0))


async def adopt(
    connection: AsyncConnection, table: Table, platform: str, process: str, gone: Collection[str]
) -> Sequence[RowMapping]:
    """Claim rows of `jobs` or `events` that one of the processes which are `gone`, or one that has
    left, has left behind; whatever another process claims at the same moment is left to it."""
    key = table.primary_key.columns
    left = or_(
        table.c.process.not_in(KNOWN),
        and_(table.c.process.in_(gone), table.c.process.not_in(LIVING)),
    )
    orphaned = and_(table.c.platform == platform, table.c.process != process, left)
    if table is events:
        orphaned = and_(orphaned, events.c.body.is_not(None))
    # Apart, or the planner might look for rows again for each that it finds.
    free = select(*key).where(orphaned).limit(MOST).with_for_update(skip_locked=True).cte("free")
    claimed = update(table).where(tuple_(*key).in_(select(free))).values(process=process)
    rows: Sequence[RowMapping] = (
        (await connection.execute(claimed.returning(table))).mappings().all()
    )
    return rows
