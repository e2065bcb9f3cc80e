"""Rows of the tables as objects, and statements on them that several modules share."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, Table, delete, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.requests.job import Job, Requester
from bot.store.tables import events, jobs
from model.text.prompt import Options

_ENDINGS = "endings"


def owned_by(table: Table, process: str | None) -> Any:
    """The condition that a process owns a row; all rows for None, the only process."""
    return true() if process is None else table.c.process == process


def handling(platform: str, key: str) -> Any:
    """The statement that drops an event's body."""
    this = (events.c.platform == platform) & (events.c.key == key)
    return update(events).where(this).values(body=None)


async def remove(
    connection: AsyncConnection, marks: Collection[str], process: str | None = None
) -> None:
    """Delete a process's jobs and the bodies of events, by their journal marks."""
    references = [mark for mark in marks if "/" not in mark]
    if references:
        gone = delete(jobs).where(jobs.c.reference.in_(references), owned_by(jobs, process))
        await connection.execute(gone)
    for mark in marks:
        platform, found, key = mark.partition("/")
        if found:
            await connection.execute(handling(platform, key))


def origin_of(job: Job, origin: Any) -> Any:
    """An origin as it is stored. Job fields newer than the schema are stored in it too, where an
    earlier version ignores them (and writes a single answer)."""
    return origin | {_ENDINGS: job.endings} if job.endings else origin


def row_of(job: Job) -> dict[str, Any]:
    """A row of `jobs` without its process."""
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
        "origin": origin_of(job, job.origin),
        "asked": time.time() - (time.monotonic() - job.asked),
    }


def job_of(row: RowMapping) -> Job:
    """The job in a row of `jobs`."""
    origin, endings = row["origin"], 0
    if isinstance(origin, dict):
        endings = int(origin.get(_ENDINGS, 0))
        origin = {name: value for name, value in origin.items() if name != _ENDINGS}
    return Job(
        row["phrase"],
        Options(**row["options"]),
        Requester(row["platform"], row["user"], row["place"], row["language"]),
        origin,
        private=row["private"],
        endings=endings,
        reference=row["reference"],
        asked=time.monotonic() - (time.time() - row["asked"]),
    )
