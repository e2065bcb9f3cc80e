"""Bringing a database of any earlier version to the present one, in one transaction.

A new version adds a step to `STEPS`; steps that were released never change.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, inspect, select, update

from bot.store.tables import metadata

_versions = Table("version", MetaData(), Column("number", Integer, nullable=False))


class NewerError(Exception):
    """The database was written by a later version of this program."""


def _first(connection: Connection) -> None:
    metadata.create_all(connection)


STEPS: tuple[Callable[[Connection], None], ...] = (_first,)


def migrate(connection: Connection) -> None:
    """Run the steps that this database has not seen; raises NewerError."""
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
