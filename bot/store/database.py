"""What the store asks of a database, whichever it is; all else is said in the same SQL.

SQLite is one file of one process, PostgreSQL a server that many processes share.
"""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

from sqlalchemy import Float, Table, cast, extract, func
from sqlalchemy.ext.asyncio import AsyncEngine

# PostgreSQL's own clock, in seconds since 1970: machines may disagree about the time.
CLOCK = cast(extract("epoch", func.clock_timestamp()), Float)


def knows_postgresql() -> bool:
    """Whether the library is there that PostgreSQL takes; it is an extra."""
    return importlib.util.find_spec("asyncpg") is not None


class Database(Protocol):
    """A database that can be opened, as often as it is lost."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it fails with; SQLAlchemy passes on what goes wrong while it connects."""

    @property
    def size(self) -> int:
        """Bytes that it takes, as far as is known."""

    def insert(self, table: Table) -> Any:
        """An INSERT of its own dialect, which knows ON CONFLICT."""

    async def open(self) -> tuple[AsyncEngine, str | None]:
        """Open it, brought to the present version; and what was done about data that cannot be
        used, if so. Raises SQLAlchemyError or OSError when there can be none at all."""

    def is_damage(self, error: Exception) -> bool:
        """Whether an error means that the data are beyond use."""

    async def tidy(self, engine: AsyncEngine) -> None:
        """Leave nothing behind of what was deleted, as far as that can be."""
