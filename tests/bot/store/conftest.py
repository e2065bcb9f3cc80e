"""A store of each kind: SQLite, and PostgreSQL where one is installed."""

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
    """The server of all tests."""
    if programs() is None:
        pytest.skip(MISSING)
    with serving() as server:
        yield server


@dataclass
class Place:
    """A store's folder and, for PostgreSQL, its server."""

    folder: Path
    server: Postgres | None

    def open(self) -> AbstractAsyncContextManager[Store]:
        """The store."""
        return open_store(self.folder, url=None if self.server is None else self.server.url)

    def ask(self, statement: str) -> list[list[Any]]:
        """The rows of a statement on its database, with values as text."""
        if self.server is not None:
            return self.server.ask(statement)
        with closing(sqlite3.connect(self.folder / FILE)) as database, database:
            rows = database.execute(statement).fetchall()
        return [[str(value) for value in row] for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place for a store of either kind."""
    if request.param == "sqlite":
        return Place(tmp_path / "state", None)
    server: Postgres = request.getfixturevalue("postgres")
    server.empty()
    return Place(tmp_path / "state", server)
