"""The database file: opened, migrated, and set aside when it is beyond use.

SQLite with a write-ahead log: what was committed survives the end of the process, however it
comes; losing power may cost the last moments (https://sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from sqlite3 import SQLITE_CORRUPT, SQLITE_NOTADB
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.migrations import NewerError, migrate

log = logging.getLogger(__name__)

FILE = "litteragpt.db"
UNUSABLE = ".unusable-"
# How long a statement waits for another process that holds the file.
BUSY_SECONDS = 2.0
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "wal_autocheckpoint=200",  # pages: small, so that what was deleted is soon overwritten there
    "secure_delete=ON",  # phrases do not linger in freed pages
)
_COMPANIONS = ("", "-wal", "-shm")


async def open_database(folder: Path) -> tuple[AsyncEngine, str | None]:
    """The database of this folder, and what was done about a file that cannot be used, if so.

    Raises SQLAlchemyError or OSError when there can be none at all.
    """
    path = _prepare(folder)
    try:
        return await _open(path), None
    except (DatabaseError, NewerError) as error:
        if not (isinstance(error, NewerError) or is_damage(error)):
            raise  # locked, no room, no permission: the file itself may be sound
        kept = set_aside(path)
        reason = f"{path.name} could not be used ({_reason(error)}) and was set aside as {kept}"
        log.error("%s", reason)
        return await _open(path), reason


def set_aside(path: Path) -> str:
    """Rename a database that cannot be used, with its companions; the new name."""
    kept = path.with_name(f"{path.name}{UNUSABLE}{time.time_ns() // 1_000_000}")
    for suffix in _COMPANIONS:
        found = path.with_name(path.name + suffix)
        if found.exists():
            found.rename(kept.with_name(kept.name + suffix))
    return kept.name


def is_damage(error: Exception) -> bool:
    """Whether an error means that the file itself is beyond use."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorcode", None) in (SQLITE_CORRUPT, SQLITE_NOTADB)


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
    """Make the folder and the file, for their owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    path.touch(mode=0o600)
    return path


def _configure(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
