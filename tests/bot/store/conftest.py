"""The same store twice: in a file, and in a PostgreSQL where one is installed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.store import Store, open_store
from bot.store.sqlite import FILE
from tests.cluster.postgres import MISSING, Postgres, programs, serving


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share."""
    if programs() is None:
        pytest.skip(MISSING)
    with serving() as server:
        yield server


@dataclass
class Place:
    """Where a store is kept: in this folder, or in a database with only a journal here."""

    folder: Path
    server: Postgres | None

    def open(self) -> AbstractAsyncContextManager[Store]:
        """The store of this place."""
        return open_store(self.folder, url=None if self.server is None else self.server.url)

    def ask(self, statement: str) -> list[list[Any]]:
        """What another program finds in its tables, or does to them; numbers and texts as text."""
        if self.server is not None:
            return self.server.ask(statement)
        with closing(sqlite3.connect(self.folder / FILE)) as database, database:
            rows = database.execute(statement).fetchall()
        return [[str(value) for value in row] for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for a store of either kind, with nothing in it."""
    if request.param == "sqlite":
        return Place(tmp_path / "state", None)
    server: Postgres = request.getfixturevalue("postgres")
    server.empty()
    return Place(tmp_path / "state", server)
