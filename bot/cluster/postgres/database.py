"""The database that several processes share: PostgreSQL, through asyncpg.

asyncpg parses the address itself, so all parameters of libpq work (`sslmode`, a socket's folder as
`host`, several hosts):
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.settings.names import DATABASE_URL, SettingsError
from bot.store.migrations import STEPS, NewerError, migrate
from bot.texts import say
from model.errors import LitteraError

log = logging.getLogger(__name__)

_T = TypeVar("_T")

CONNECTIONS = 10
# Timeouts of a connection attempt, of a statement, and of a transaction with its wait for a
# connection of the pool.
CONNECT_SECONDS, ANSWER_SECONDS, WORK_SECONDS = 3.0, 5.0, 6.0
# Pause after a failed connection, or every caller would wait for its own attempt.
REST_SECONDS = 1.0
# Dead connections that a transaction may meet.
TRIES = 3
# Processes that start together migrate one after the other. The number is arbitrary.
_MIGRATION = select(text("pg_advisory_xact_lock(5284371)"))
# Configuration errors: a wrong password or database, or missing privileges.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_REFUSED = ("28", "3D", "42501")
_MAY_CREATE = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
_LIVING = (
    "SELECT coalesce(state ->> 'name', id) FROM processes "
    "WHERE expires > extract(epoch FROM clock_timestamp()) ORDER BY 1"
)
# The tables whose short-lived rows contain phrases.
_VACUUM = "VACUUM (SKIP_LOCKED) jobs, events"


class UnreachableError(LitteraError):
    """The database does not answer, but may later. The message is a Spanish sentence."""


@dataclass(frozen=True)
class Sight:
    """The state of a database as `Postgres.look` finds it."""

    version: str
    may_create: bool  # whether tables can be created
    processes: list[str]  # names of the processes that share it now


class Postgres:
    """The database at an address; see bot.store.database.Database for the methods."""

    def __init__(self, url: str) -> None:
        import asyncpg  # type: ignore[import-untyped]

        self.errors: tuple[type[Exception], ...] = (
            SQLAlchemyError,
            OSError,
            ValueError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        )
        self.size = 0
        self._url, self._connect = url, asyncpg.connect

    def insert(self, table: Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        return insert(table)

    async def open(self) -> tuple[AsyncEngine, str | None]:
        """Connect and migrate."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connected,
            pool_size=CONNECTIONS,
            max_overflow=0,
        )
        try:
            async with engine.begin() as connection:
                await connection.execute(_MIGRATION)
                await connection.run_sync(migrate)
        except BaseException:
            await engine.dispose()
            raise
        return engine, None

    async def reach(self) -> AsyncEngine:
        """Open it for the first time. Raises SettingsError if a setting is wrong and
        UnreachableError for a failure that may be temporary."""
        try:
            engine, _ = await self.open()
        except NewerError:
            raise SettingsError(say("database_newer")) from None
        except self.errors as error:
            raise _explained(error) from None
        return engine

    async def look(self) -> Sight:
        """Read its state without a change. Raises like `reach`."""
        try:
            connection = await self._connected()
            try:
                version = await connection.fetchval("SHOW server_version")
                may_create = await connection.fetchval(_MAY_CREATE)
                number, names = 0, []
                if await connection.fetchval("SELECT to_regclass('processes')"):
                    number = await connection.fetchval("SELECT number FROM version")
                    names = [row[0] for row in await connection.fetch(_LIVING)]
            finally:
                await connection.close()
        except self.errors as error:
            raise _explained(error) from None
        if number > len(STEPS):
            raise SettingsError(say("database_newer"))
        return Sight(version.partition(" ")[0], may_create, names)

    async def perform(
        self, engine: AsyncEngine, work: Callable[[AsyncEngine], Awaitable[_T]]
    ) -> _T:
        """Run `work` within `WORK_SECONDS`; again if a connection turns out to be dead, as all
        connections of the pool are after a restart of the server."""
        async with asyncio.timeout(WORK_SECONDS):
            for _ in range(TRIES - 1):
                try:
                    return await work(engine)
                except DBAPIError as error:
                    if not (error.connection_invalidated or _is_shutdown(error)):
                        raise
            return await work(engine)

    def pause_after(self, error: Exception) -> float:
        """Only without a connection; SQLAlchemy wraps all other errors."""
        return 0.0 if isinstance(error, SQLAlchemyError) else REST_SECONDS

    def is_damage(self, error: Exception) -> bool:
        """Left to the server."""
        return False

    async def tidy(self, engine: AsyncEngine) -> None:
        """Free deleted rows for reuse and measure the size."""
        async with engine.connect() as connection:
            plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await plain.exec_driver_sql(_VACUUM)
            size = await plain.exec_driver_sql("SELECT pg_database_size(current_database())")
            self.size = int(size.scalar_one())

    async def _connected(self) -> Any:
        return await self._connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": "litteragpt"},
        )


def _is_shutdown(error: BaseException) -> bool:
    """Whether the server is shutting down or starting."""
    return _state(error).startswith("57P")


def _reason(error: BaseException) -> str:
    """An error in one line. No error quotes the address with its password."""
    return " ".join(str(getattr(error, "orig", None) or error).split()) or type(error).__name__


def _explained(error: Exception) -> LitteraError:
    """The error to raise when the first connection fails."""
    values = {"setting": DATABASE_URL, "reason": _reason(error)}
    if _is_misconfigured(error) or _state(error).startswith(_REFUSED):
        return SettingsError(say("database_refused", **values))
    return UnreachableError(say("database_unreachable", **values))


def _is_misconfigured(error: BaseException) -> bool:
    """Whether the driver rejects the address; SQLAlchemy may have wrapped the error."""
    return isinstance(error, ValueError) or isinstance(
        getattr(error, "driver_exception", None), ValueError
    )


def _state(error: BaseException) -> str:
    """The SQLSTATE of a server's error, empty without one."""
    cause = getattr(error, "orig", None) or error
    return str(getattr(cause, "sqlstate", None) or "")
