"""What stands in the rows of the tables, and the statements that every store makes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.jobs import Job, Requester
from bot.store.tables import events, memory
from model.prompt import Options


async def remembered(connection: AsyncConnection) -> dict[str, Any]:
    """All values by their names."""
    rows = await connection.execute(select(memory.c.name, memory.c.value))
    return {name: value for name, value in rows}  # noqa: C416 (rows are no tuples to mypy)


def handling(platform: str, key: str) -> Any:
    """The statement that forgets an event's body."""
    this = (events.c.platform == platform) & (events.c.key == key)
    return update(events).where(this).values(body=None)


def row_of(job: Job) -> dict[str, Any]:
    """A request as a row of `jobs`, but for whose it is."""
    requester = job.requester
    return {
        "reference": job.reference,
        "platform": requester.platform,
        "user": requester.user,
        "place": requester.place,
        "language": requester.language,
        "phrase": job.phrase,
        "options": asdict(job.options),
        "private": job.private,
        "origin": job.origin,
        "asked": time.time() - (time.monotonic() - job.asked),
    }


def job_of(row: Mapping[str, Any]) -> Job:
    """The request in a row of `jobs`."""
    return Job(
        row["phrase"],
        Options(**row["options"]),
        Requester(row["platform"], row["user"], row["place"], row["language"]),
        row["origin"],
        private=row["private"],
        reference=row["reference"],
        asked=time.monotonic() - (time.time() - row["asked"]),
    )
