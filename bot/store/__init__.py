"""What outlives the process: requests under way, limits, choices, the audit.

In one SQLite file of this process's own, or in a PostgreSQL that many processes share.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bot.private_files import tighten
from bot.store.store import Store

__all__ = ["Store", "open_store"]


@contextlib.asynccontextmanager
async def open_store(
    folder: Path, audit_days: int = 90, url: str | None = None
) -> AsyncIterator[Store]:
    """A store for as long as the context lasts: that of a folder, or with `url` that of a
    PostgreSQL, with only this process's own files in the folder. Raises LitteraError for a
    PostgreSQL that cannot be reached."""
    store = Store(folder, audit_days)
    if url is not None:
        from bot.cluster.postgres.store import SharedStore

        store = SharedStore(folder, audit_days, url)
    tighten(folder)
    await store.open()
    maintenance = asyncio.create_task(store.maintain(), name="store maintenance")
    try:
        yield store
    finally:
        maintenance.cancel()
        await asyncio.gather(maintenance, return_exceptions=True)
        await store.close()
