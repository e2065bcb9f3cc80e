"""A state folder of an earlier revision, with a database and a journal, opens without loss."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bot.requests.job import Requester
from bot.store import open_store
from bot.store.journal import JOURNAL
from bot.store.sqlite import FILE
from model.text.prompt import Options

SCRIPT = Path(__file__).with_name("version_2.sql")
TABLES = ("jobs", "events", "requests", "blocks", "memory", "audit")


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(folder / FILE)) as database:
        return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608


async def test_version_2_opens_without_loss(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.executescript(SCRIPT.read_text("utf-8").replace("TIME", str(time.time())))
    before = rows(tmp_path)
    async with open_store(tmp_path) as store:
        assert store.trouble is None
        (first, sending), (second, _) = await store.unfinished("telegram")
        assert not sending
        assert first.requester == Requester("telegram", 7, -50, "en")
        assert (first.phrase, first.private, first.endings) == ("Érase una vez", True, 3)
        assert first.options == Options(style="galdos", seed=7)
        assert first.origin == {"chat": -50}
        assert 4 < time.monotonic() - first.asked < 60
        assert (second.reference, second.endings) == ("ACD34F", 0)
        assert [key for key, _, _ in await store.unhandled("telegram")] == ["2"]
        assert await store.receive("telegram", {"1": {}, "3": {}}) == ["3"]
        await store.handled("telegram", "3")
        assert [person for person, _, _ in await store.counted()] == ["telegram:7"]
        assert [person for person, _ in await store.blocked()] == ["telegram:6"]
        assert store.recall("checkpoint")["previous"] == "tiny"
    after = rows(tmp_path)
    after["events"] = [row for row in after["events"] if row[1] != "3"]
    assert after == before


async def test_journal_of_a_killed_process_is_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.executescript(SCRIPT.read_text("utf-8").replace("TIME", str(time.time())))
    (tmp_path / JOURNAL).write_text(
        "sending QRT679\nsent QRT679\nsending 7UWQUR\nsending ACD34F\nsent telegram/2\n"
    )
    async with open_store(tmp_path) as store:
        assert store.shaky
        ((first, sending), (_, other)) = await store.unfinished("telegram")
        assert (first.reference, sending, other) == ("7UWQUR", True, True)
        assert await store.unfinished("discord") == []
        assert await store.unhandled("telegram") == []
