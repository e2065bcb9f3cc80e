"""What the bot has written into its store, read from the file as another program would."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.store.sqlite import FILE


@dataclass(frozen=True)
class Entry:
    """A line of the audit."""

    who: str
    what: str
    details: dict[str, str]


def audit(state: Path) -> list[Entry]:
    """All that admins did, in order."""
    with closing(sqlite3.connect(state / FILE)) as database:
        rows = database.execute("SELECT who, what, details FROM audit ORDER BY id").fetchall()
    return [Entry(who, what, json.loads(details)) for who, what, details in rows]


def kept(state: Path) -> str:
    """All that any table holds, as one text."""
    with closing(sqlite3.connect(state / FILE)) as database:
        return "\n".join(database.iterdump())


def forget(state: Path, name: str) -> None:
    """Have the bot not remember a value, while it is not running."""
    with closing(sqlite3.connect(state / FILE)) as database, database:
        database.execute("DELETE FROM memory WHERE name = ?", (name,))
