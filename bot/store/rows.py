"""What stands in the rows of the tables, and the statements that every store makes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.requests.job import Job, Requester
from bot.store.tables import events, memory
from model.text.prompt import Options

_ENDINGS = "endings"


async def remembered(connection: AsyncConnection) -> dict[str, Any]:
    """All values by their names."""
    rows = await connection.execute(select(memory.c.name, memory.c.value))
    return {name: value for name, value in rows}  # noqa: C416 (rows are no tuples to mypy)


def handling(platform: str, key: str) -> Any:
    """The statement that forgets an event's body."""
    this = (events.c.platform == platform) & (events.c.key == key)
    return update(events).where(this).values(body=None)


def origin_of(job: Job, origin: Any) -> Any:
    """Where an answer goes, as it is kept. What was added to requests later stands in it too: an
    earlier version of this program takes no notice of that, and would answer with one text."""
    return origin | {_ENDINGS: job.endings} if job.endings else origin


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
        "origin": origin_of(job, job.origin),
        "asked": time.time() - (time.monotonic() - job.asked),
    }


def job_of(row: Mapping[str, Any]) -> Job:
    """The request in a row of `jobs`."""
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
