"""Transactions that never raise: a database that fails costs durability and nothing else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.net.tasks import TaskSet
from bot.store.database import Database

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Transactions:
    """Runs work on a database and reports its failures.

    engine: of a database that is open already; otherwise the first transaction opens it.
    """

    def __init__(self, database: Database, engine: AsyncEngine | None = None) -> None:
        self.database = database
        self.failure: str | None = None  # the error, while the database fails
        self._replaced: str | None = None
        self._engine = engine
        self._opening = asyncio.Lock()
        self._resting_until = 0.0
        self._tasks = TaskSet()

    @property
    def trouble(self) -> str | None:
        """Why nothing is stored at the moment, or which data were set aside."""
        return self.failure or self._replaced

    async def run(self, work: Callable[[AsyncConnection], Awaitable[_T]]) -> _T | None:
        """Run `work` in a transaction; None if it fails."""

        async def transaction(engine: AsyncEngine) -> _T:
            async with engine.begin() as connection:
                return await work(connection)

        return await self.attempt(transaction)

    async def attempt(self, work: Callable[[AsyncEngine], Awaitable[_T]]) -> _T | None:
        """Run `work` to its end even if the caller is cancelled; None if it fails."""
        return await asyncio.shield(self._tasks.start(self._perform(work), "store transaction"))

    async def engine(self) -> AsyncEngine:
        """The engine of the open database. Raises one of `database.errors`."""
        async with self._opening:
            if self._engine is None:
                self._engine, replaced = await self.database.open()
                self._replaced = replaced or self._replaced
            return self._engine

    async def note_failure(self, error: Exception) -> None:
        """Log an error once. A damaged database is closed: opening it again sets it aside."""
        rest = time.monotonic() + self.database.pause_after(error)
        self._resting_until = max(self._resting_until, rest)
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        if reason != self.failure:
            log.error("the store fails (%s); going on without it", reason)
        self.failure = reason
        if self.database.is_damage(error):
            await self._dispose()

    def note_success(self) -> None:
        """Log the recovery after a failure."""
        self._resting_until = 0.0
        if self.failure is not None:
            log.info("the store works again")
            self.failure = None

    async def close(self) -> None:
        """Finish transactions under way and close the database."""
        await self._tasks.wait()
        await self._dispose()

    async def _perform(self, work: Callable[[AsyncEngine], Awaitable[_T]]) -> _T | None:
        if time.monotonic() < self._resting_until:
            return None
        try:
            outcome = await self.database.perform(await self.engine(), work)
        except self.database.errors as error:
            await self.note_failure(error)
            return None
        self.note_success()
        return outcome

    async def _dispose(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()
