"""Reads the bot's store from the file, independently of the bot."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.store.sqlite import FILE


@dataclass(frozen=True)
class Entry:
    """A row of the audit."""

    who: str
    what: str
    details: dict[str, str]


def audit(state: Path) -> list[Entry]:
    """All audit entries in order."""
    with closing(sqlite3.connect(state / FILE)) as database:
        rows = database.execute("SELECT who, what, details FROM audit ORDER BY id").fetchall()
    return [Entry(who, what, json.loads(details)) for who, what, details in rows]


def kept(state: Path) -> str:
    """All rows of all tables as SQL text."""
    with closing(sqlite3.connect(state / FILE)) as database:
        return "\n".join(database.iterdump())


def forget(state: Path, name: str) -> None:
    """Delete a remembered value while the bot is stopped."""
    with closing(sqlite3.connect(state / FILE)) as database, database:
        database.execute("DELETE FROM memory WHERE name = ?", (name,))
