"""Migrates a database of any earlier version to the current one, in one transaction.

A new version adds a step to `STEPS`; released steps never change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

from bot.store.tables import asked_there, events, jobs, metadata

_versions = Table("version", MetaData(), Column("number", Integer, nullable=False))


class NewerError(Exception):
    """The database was written by a later version of this program."""


def _first(connection: Connection) -> None:
    metadata.create_all(connection)


def _several_processes(connection: Connection) -> None:
    metadata.create_all(connection)  # only the missing ones
    for column in (jobs.c.process, events.c.process):
        _add(connection, column)
    for index in (*jobs.indexes, asked_there):
        index.create(connection, checkfirst=True)
    # Few rows among very many, queried every few seconds.
    connection.execute(
        text("CREATE INDEX unhandled_events ON events (platform) WHERE body IS NOT NULL")
    )


STEPS: tuple[Callable[[Connection], None], ...] = (_first, _several_processes)


def migrate(connection: Connection) -> None:
    """Run the missing steps. Raises NewerError."""
    if inspect(connection).has_table(_versions.name):
        found = int(connection.execute(select(_versions.c.number)).scalar_one())
    else:
        _versions.create(connection)
        connection.execute(insert(_versions).values(number=0))
        found = 0
    if found > len(STEPS):
        raise NewerError(f"version {found}, and this program knows {len(STEPS)}")
    for step in STEPS[found:]:
        step(connection)
    connection.execute(update(_versions).values(number=len(STEPS)))


def _add(connection: Connection, column: Column[Any]) -> None:
    """Add a column, unless the table has just been created with it."""
    table = column.table.name
    if column.name in {each["name"] for each in inspect(connection).get_columns(table)}:
        return
    described = CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {described}"))
