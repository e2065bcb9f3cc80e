"""The database below the store; statements are SQLAlchemy's and the same for every database."""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

_T = TypeVar("_T")


def knows_postgresql() -> bool:
    """Whether asyncpg is installed; it is an extra."""
    return importlib.util.find_spec("asyncpg") is not None


class Database(Protocol):
    """A database that can be opened again after a failure."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Exceptions that its operations raise. SQLAlchemy does not wrap connection errors."""

    @property
    def size(self) -> int:
        """Bytes on disk as last measured."""

    def insert(self, table: Table) -> Any:
        """An INSERT of its dialect that supports ON CONFLICT."""

    async def open(self) -> tuple[AsyncEngine, str | None]:
        """Connect and migrate. Returns the engine, and a message if unusable data were set aside.
        Raises SQLAlchemyError or OSError if no connection can be made."""

    async def perform(
        self, engine: AsyncEngine, work: Callable[[AsyncEngine], Awaitable[_T]]
    ) -> _T:
        """Run `work` with the retries and the time limit that suit this database."""

    def pause_after(self, error: Exception) -> float:
        """Seconds without another attempt after an error."""

    def is_damage(self, error: Exception) -> bool:
        """Whether an error means that the data are unreadable."""

    async def tidy(self, engine: AsyncEngine) -> None:
        """Overwrite deleted data as far as possible."""
