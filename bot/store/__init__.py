"""Durable state: jobs under way, limits, values and the audit.

One process uses a SQLite file of its own; several share a PostgreSQL database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bot.private_files import tighten
from bot.store.coordination import SoloCoordinator
from bot.store.journal import JOURNAL, Journal
from bot.store.sqlite import SQLite
from bot.store.store import Store
from bot.store.transactions import Transactions
from bot.store.values import Values

__all__ = ["Store", "open_store", "solo_store"]


def solo_store(folder: Path, audit_days: int = 90) -> Store:
    """The store of a single process, not opened yet: a SQLite file in a folder."""
    transactions = Transactions(SQLite(folder))
    coordinator = SoloCoordinator(transactions)
    journal = Journal(folder / JOURNAL)
    return Store(transactions, Values(transactions), journal, coordinator, audit_days)


@contextlib.asynccontextmanager
async def open_store(
    folder: Path, audit_days: int = 90, url: str | None = None
) -> AsyncIterator[Store]:
    """A store that is open within the context: the one of a folder, or with `url` the one of a
    PostgreSQL database, with only this process's own files in the folder. Raises LitteraError if
    PostgreSQL cannot be reached."""
    async with contextlib.AsyncExitStack() as stack:
        if url is None:
            store = solo_store(folder, audit_days)
        else:
            from bot.cluster.postgres.coordinator import shared_store

            store = await stack.enter_async_context(shared_store(folder, url, audit_days))
        tighten(folder)
        await store.open()
        maintenance = asyncio.create_task(store.maintain(), name="store maintenance")
        try:
            yield store
        finally:
            maintenance.cancel()
            await asyncio.gather(maintenance, return_exceptions=True)
            await store.close()
