"""The database of a single process: a SQLite file, set aside when it is unusable.

With the write-ahead log, commits survive the death of the process; a power failure may lose the
last ones (https://sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from sqlite3 import SQLITE_CORRUPT, SQLITE_NOTADB
from typing import Any, TypeVar

from sqlalchemy import Table, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.private_files import FILE_MODE, make_private
from bot.store.migrations import NewerError, migrate

log = logging.getLogger(__name__)

_T = TypeVar("_T")

FILE = "litteragpt.db"
UNUSABLE = ".unusable-"
# How long a statement waits for another process's lock.
BUSY_SECONDS = 2.0
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "wal_autocheckpoint=200",  # pages: few, so that deleted data in the log are soon overwritten
    "secure_delete=ON",  # phrases do not linger in freed pages
)
_COMPANIONS = ("", "-wal", "-shm")


class SQLite:
    """The database of a folder; see bot.store.database.Database."""

    # A connection raises ValueError once it was closed because another one met damage.
    errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, ValueError)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def size(self) -> int:
        """Bytes of its files, including those set aside."""
        total = 0
        for path in self._folder.glob(f"{FILE}*"):
            with contextlib.suppress(OSError):  # deleted since
                total += path.stat().st_size
        return total

    def insert(self, table: Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        return insert(table)

    async def open(self) -> tuple[AsyncEngine, str | None]:
        """Open the file; an unusable one is set aside and replaced."""
        path = _prepare(self._folder)
        try:
            return await _open(path), None
        except (DatabaseError, NewerError) as error:
            if not (isinstance(error, NewerError) or self.is_damage(error)):
                raise  # locked, disk full, no permission: the file itself may be sound
            kept = _set_aside(path)
            reason = f"{path.name} could not be used ({_reason(error)}) and was set aside as {kept}"
            log.error("%s", reason)
            return await _open(path), reason

    async def perform(
        self, engine: AsyncEngine, work: Callable[[AsyncEngine], Awaitable[_T]]
    ) -> _T:
        """Run `work` once."""
        return await work(engine)

    def pause_after(self, error: Exception) -> float:
        """None: a statement on a file fails quickly."""
        return 0.0

    def is_damage(self, error: Exception) -> bool:
        """Whether an error means that the file itself is unreadable."""
        cause = getattr(error, "orig", None)
        return getattr(cause, "sqlite_errorcode", None) in (SQLITE_CORRUPT, SQLITE_NOTADB)

    async def tidy(self, engine: AsyncEngine) -> None:
        """Truncate the write-ahead log, which holds deleted data."""
        async with engine.begin() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _set_aside(path: Path) -> str:
    """Rename an unusable database and its companions; returns the new name."""
    kept = path.with_name(f"{path.name}{UNUSABLE}{time.time_ns() // 1_000_000}")
    for suffix in _COMPANIONS:
        found = path.with_name(path.name + suffix)
        if found.exists():
            found.rename(kept.with_name(kept.name + suffix))
    return kept.name


async def _open(path: Path) -> AsyncEngine:
    # One connection: SQLite writes one transaction at a time anyway, and they are short.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", _configure)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    except BaseException:
        await engine.dispose()
        raise
    return engine


def _prepare(folder: Path) -> Path:
    """Make the folder and the file, accessible to their owner only."""
    make_private(folder)
    path = folder / FILE
    path.touch(mode=FILE_MODE)
    return path


def _configure(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
