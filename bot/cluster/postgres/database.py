"""The database that several processes share: a PostgreSQL server, by way of asyncpg.

Connections are made by asyncpg itself, so an address may say all that libpq's can
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING): `sslmode`, a socket's
folder as `host`, several hosts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.settings.names import DATABASE_URL, SettingsError
from bot.store.migrations import STEPS, NewerError, migrate
from bot.texts import say
from model.errors import LitteraError

log = logging.getLogger(__name__)

CONNECTIONS = 10
# How long a connection may take to be made, and an answer to come.
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 5.0
# Processes that start together must not migrate together. The number means nothing.
_MIGRATION = select(text("pg_advisory_xact_lock(5284371)"))
# What a statement cannot mend: a wrong password or database, or rights that are missing.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_REFUSED = ("28", "3D", "42501")
_MAY_CREATE = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
_LIVING = (
    "SELECT coalesce(state ->> 'name', id) FROM processes "
    "WHERE expires > extract(epoch FROM clock_timestamp()) ORDER BY 1"
)
# Their rows come and go, with phrases in them.
_VACUUM = "VACUUM (SKIP_LOCKED) jobs, events"


class UnreachableError(LitteraError):
    """The database does not answer; it may later. Its text is a Spanish sentence."""


@dataclass(frozen=True)
class Sight:
    """What somebody who only looks sees of a database.

    may_create: whether tables can be made; processes: the names of those that share it now.
    """

    version: str
    may_create: bool
    processes: list[str]


class Postgres:
    """The database at an address; see bot.store.database.Database."""

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
        """An INSERT that knows ON CONFLICT."""
        return insert(table)

    async def open(self) -> tuple[AsyncEngine, str | None]:
        """Connect, and bring the tables to the present version."""
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
        """Open it for the first time. Raises SettingsError for what only another setting mends, and
        UnreachableError for what may pass."""
        try:
            engine, _ = await self.open()
        except NewerError:
            raise SettingsError(say("database_newer")) from None
        except self.errors as error:
            raise _explained(error) from None
        return engine

    async def look(self) -> Sight:
        """What there is, changing nothing. Raises as `reach` does."""
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

    def is_damage(self, error: Exception) -> bool:
        """Never for us to mend."""
        return False

    async def tidy(self, engine: AsyncEngine) -> None:
        """Give the room of what was deleted back to be written over; measure what is there."""
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


def is_shutdown(error: BaseException) -> bool:
    """Whether the server is going down or coming up."""
    return _state(error).startswith("57P")


def reason_of(error: BaseException) -> str:
    """An error in one line. None of these quotes the address, which has a password in it."""
    return " ".join(str(getattr(error, "orig", None) or error).split()) or type(error).__name__


def _explained(error: Exception) -> LitteraError:
    """The sentence for an error of the first contact."""
    values = {"setting": DATABASE_URL, "reason": reason_of(error)}
    if _is_misconfigured(error) or _state(error).startswith(_REFUSED):
        return SettingsError(say("database_refused", **values))
    return UnreachableError(say("database_unreachable", **values))


def _is_misconfigured(error: BaseException) -> bool:
    """Whether the driver refuses the address; SQLAlchemy may have put its own error around that."""
    return isinstance(error, ValueError) or isinstance(
        getattr(error, "driver_exception", None), ValueError
    )


def _state(error: BaseException) -> str:
    """The SQLSTATE of an error of the server's, nothing without one."""
    cause = getattr(error, "orig", None) or error
    return str(getattr(cause, "sqlstate", None) or "")
