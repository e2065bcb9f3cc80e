"""The store over real files: state survives restarts, and failures cost durability only."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.requests.job import Job, Requester
from bot.store import open_store, solo_store
from bot.store.journal import JOURNAL
from bot.store.migrations import STEPS
from bot.store.sqlite import FILE
from model.text.prompt import Options
from tests.bot.store.conftest import Place

ASKER = Requester("telegram", 7, -50, "en")


def job(user: int = 7, **changes: Any) -> Job:
    asked = {"phrase": "En un lugar 🙂\x00", "options": Options(seed=2**63 - 1, style="galdos")}
    requester = Requester("telegram", user, -50, "en")
    return Job(**{**asked, "requester": requester, "origin": {"chat": -50}, **changes})


def readable(folder: Path) -> list[Path]:
    """Paths in a folder, itself included, that others may read."""
    found = [folder, *folder.rglob("*")]
    return [path for path in found if not path.is_symlink() and path.stat().st_mode & 0o077]


async def test_accepted_job_survives_a_restart(place: Place) -> None:
    kept = job(private=True, asked=time.monotonic() - 100)
    async with place.open() as store:
        await store.take(kept)
        kept.origin = {"chat": -50, "draft": 9}
        await store.note_origin(kept, kept.origin)
    async with place.open() as store:
        ((found, sending),) = await store.unfinished("telegram")
        assert not sending
        assert abs(found.asked - kept.asked) < 1
        found.asked = kept.asked
        assert found == kept
        assert await store.unfinished("discord") == []
        store.note_sending(found)
    async with place.open() as store:
        ((found, sending),) = await store.unfinished("telegram")
        assert sending
        await store.finish(found)
        assert await store.unfinished("telegram") == []


async def test_endings_are_stored_within_the_origin(
    tmp_path: Path,
) -> None:
    kept = job(endings=3)
    async with open_store(tmp_path) as store:
        await store.take(kept)
        await store.take(job(user=8))
        kept.origin = {"chat": -50, "draft": 9}
        await store.note_origin(kept, kept.origin)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        rows = database.execute("SELECT options, origin FROM jobs ORDER BY user").fetchall()
        (version,) = database.execute("SELECT number FROM version").fetchone()
    assert version == 2  # the schema has no column for endings
    for options, _ in rows:
        assert Options(**json.loads(options)) == kept.options
    assert [json.loads(origin) for _, origin in rows] == [
        {"chat": -50, "draft": 9, "endings": 3},
        {"chat": -50},
    ]
    async with open_store(tmp_path) as store:
        found = [each for each, _ in await store.unfinished("telegram")]
    assert [each.endings for each in found] == [3, 0]
    assert found[0].origin == kept.origin


async def test_sent_answer_is_not_sent_again(place: Place) -> None:
    sent, other = job(), job(user=8)
    async with place.open() as store:
        await store.take(sent)
        await store.take(other)
        store.note_sending(sent)
        store.note_sent(sent)
        await store.tidy()
    async with place.open() as store:
        assert [found.reference for found, _ in await store.unfinished("telegram")] == [
            other.reference
        ]


async def test_event_of_an_unstored_answered_job_is_not_repeated(
    place: Place,
) -> None:
    async with place.open() as store:
        assert await store.receive("telegram", {"1": {"n": 1}, "2": {"n": 2}}) == ["1", "2"]
        store.note_sent(job(event="1"))
    async with place.open() as store:
        assert [key for key, _, _ in await store.unhandled("telegram")] == ["2"]
        answered = job(event="2")
        await store.finish(answered)
        assert await store.unhandled("telegram") == []


@pytest.mark.parametrize("content", [b"sent", b"\xff\xfe sent X\n\n", b"sent A\nsen"])
async def test_truncated_journal_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    async with open_store(tmp_path) as store:
        await store.take(job())
        assert len(await store.unfinished("telegram")) == 1


async def test_event_is_new_once(place: Place) -> None:
    async with place.open() as store:
        assert await store.receive("telegram", {"1": {"a": 1}, "2": {"a": 2}}) == ["1", "2"]
        assert await store.receive("telegram", {"2": {"a": 2}, "3": {"a": 3}}) == ["3"]
        assert await store.receive("discord", {"2": {"a": 2}}) == ["2"]
        assert await store.receive("telegram", {}) == []
        await store.handled("telegram", "1")
        await store.take(job(event="3"))
    async with place.open() as store:
        ((key, body, received),) = await store.unhandled("telegram")
        assert (key, body) == ("2", {"a": 2})
        assert abs(received - time.time()) < 60
        assert await store.receive("telegram", {"1": {"a": 1}}) == []


async def test_limits_survive_a_restart(place: Place) -> None:
    async with place.open() as store:
        await store.take(job())
        await store.block("telegram:8", 600)
        await store.block("telegram:9", -1)
    async with place.open() as store:
        ((person, server, ago),) = await store.counted()
        assert (person, server) == ("telegram:7", "telegram:-50")
        assert 0 <= ago < 60
        ((blocked, left),) = await store.blocked()
        assert blocked == "telegram:8"
        assert 500 < left <= 600


async def test_erase_deletes_data_of_one_person(place: Place) -> None:
    async with place.open() as store:
        await store.take(job())
        await store.take(job(user=8))
        await store.erase(ASKER)
        assert [found.requester.user for found, _ in await store.unfinished("telegram")] == [8]
        assert [person for person, _, _ in await store.counted()] == ["telegram:8"]


def held(folder: Path, phrase: str) -> bool:
    """Whether any file of the store contains a phrase."""
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    return phrase in content.decode("utf-8", "replace")


async def test_no_phrase_remains_in_files_after_the_answer(tmp_path: Path) -> None:
    phrase = "una frase que nadie más debe leer"
    async with open_store(tmp_path) as store:
        asked = job(phrase=phrase, event="1")
        await store.receive("telegram", {"1": {"text": phrase}})
        await store.take(asked)
        assert held(tmp_path, phrase)
        await store.finish(asked)
        await store.tidy()  # as every minute
        assert not held(tmp_path, phrase)
        await store.take(asked)
        await store.erase(asked.requester)
        assert not held(tmp_path, phrase)


async def test_values_and_audit_survive_a_restart(place: Place) -> None:
    async with place.open() as store:
        await store.remember("commands", {"hash": "ñ"})
        await store.remember("commands", {"hash": "o"})
        await store.record("discord:1", "reload", old="a", new="b", result="done")
    async with place.open() as store:
        assert store.recall("commands") == {"hash": "o"}
        assert store.recall("other") is None
    rows = place.ask("SELECT who, what, details FROM audit")
    assert rows == [["discord:1", "reload", '{"old": "a", "new": "b", "result": "done"}']]


async def test_prune_deletes_expired_rows(place: Place) -> None:
    async with place.open() as store:
        await store.receive("telegram", {"1": {}})
        await store.take(job())
        await store.record("discord:1", "pause")
    place.ask("UPDATE events SET received = received - 90000")
    place.ask("UPDATE requests SET at = at - 90000")
    place.ask("UPDATE audit SET at = at - 91 * 86400")
    async with place.open() as store:
        await store.prune()
        assert await store.counted() == []
        assert await store.receive("telegram", {"1": {}}) == ["1"]
        assert len(await store.unfinished("telegram")) == 1
    assert place.ask("SELECT count(*) FROM audit") == [["0"]]


async def test_version_1_is_migrated(place: Place) -> None:
    async with place.open() as store:
        await store.take(job())
        await store.block("telegram:8", 600)
    for statement in (
        *(f"DROP INDEX {name}" for name in ("ix_jobs_process", "unhandled_events")),
        "DROP INDEX requests_of_servers",
        *(f"ALTER TABLE {table} DROP COLUMN process" for table in ("jobs", "events")),
        *(f"DROP TABLE {table}" for table in ("processes", "leases")),
        "UPDATE version SET number = 1",
    ):
        place.ask(statement)
    async with place.open() as store:
        assert [person for person, _ in await store.blocked()] == ["telegram:8"]
        kept = job(user=9, event="1")
        await store.receive("telegram", {"1": {}})
        await store.take(kept)
        assert kept.reference in [each.reference for each, _ in await store.unfinished("telegram")]
        assert await store.unhandled("telegram") == []
    assert place.ask("SELECT number FROM version") == [[str(len(STEPS))]]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are public unless the program sets a mode."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
async def test_files_are_private_despite_open_umask(place: Place) -> None:
    place.folder = place.folder / "below" / "web"
    kept = job()
    async with place.open() as store:
        await store.take(kept)
        store.note_sending(kept)
        store.note_sent(kept)
        assert readable(place.folder.parents[1]) == []
    async with place.open():  # the journal is rewritten
        assert readable(place.folder.parents[1]) == []


async def test_open_files_become_private_at_start(place: Place) -> None:
    async with place.open():
        pass
    everything = [place.folder, *place.folder.rglob("*")]
    (place.folder / f"{FILE}.unusable-17").write_text("")
    for path in everything:
        path.chmod(0o755)
    async with place.open():
        assert readable(place.folder) == []


async def test_foreign_files_keep_their_permissions(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        pass
    foreign = [tmp_path / "web" / "index.html", tmp_path / "token", tmp_path / "notes"]
    (tmp_path / "web").mkdir()
    for path in foreign:
        path.write_text("of another program")
    outside = tmp_path.parent / "elsewhere"
    outside.write_text("of another program")
    (tmp_path / "litteragpt.db.link").symlink_to(outside)
    for path in (*tmp_path.iterdir(), *foreign):
        path.chmod(0o755 if path.is_dir() else 0o644)
    tmp_path.chmod(0o755)
    async with open_store(tmp_path):
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
        assert {*readable(tmp_path)} == {tmp_path, tmp_path / "web", *foreign}
    assert outside.stat().st_mode & 0o044


@pytest.mark.parametrize(
    "content", [b"no database" * 1000, b"SQLite format 3\x00" + b"\xff" * 9000]
)
async def test_damaged_file_is_set_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    async with open_store(tmp_path) as store:
        await store.remember("a", 1)
        assert store.recall("a") == 1
        assert "set aside" in (store.trouble or "")
    (kept,) = tmp_path.glob(f"{FILE}.unusable-*")
    assert kept.read_bytes() == content
    assert kept.name in caplog.text


async def test_file_damaged_in_use_is_set_aside(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.remember("a", "x" * 50_000)
    async with open_store(tmp_path) as store:
        size = (tmp_path / FILE).stat().st_size
        with (tmp_path / FILE).open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        for number in range(3):
            await store.take(job(user=number))
        assert "set aside" in (store.trouble or "")
        assert len(await store.unfinished("telegram")) >= 1


async def test_newer_database_is_not_changed(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.remember("a", 1)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE version SET number = ?", (len(STEPS) + 1,))
    async with open_store(tmp_path) as store:
        assert store.recall("a") is None
        assert "set aside" in (store.trouble or "")
    assert list(tmp_path.glob(f"{FILE}.unusable-*"))


async def test_locked_file_costs_durability_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sqlite.BUSY_SECONDS", 0.05)
    async with open_store(tmp_path) as store:
        with sqlite3.connect(tmp_path / FILE, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert await store.receive("telegram", {"1": {}}) == ["1"]
            await store.take(job())
            assert "locked" in (store.trouble or "")
            other.execute("ROLLBACK")
        await store.take(job())
        assert store.trouble is None
        assert len(await store.unfinished("telegram")) == 1
    assert caplog.text.count("going on without it") == 1


async def test_missing_folder_costs_durability_only(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    async with open_store(tmp_path / "state") as store:
        await store.take(job())
        await store.remember("a", 1)
        assert store.recall("a") == 1
        assert await store.unfinished("telegram") == []
        assert store.trouble


async def test_concurrent_jobs_are_all_stored(place: Place) -> None:
    async with place.open() as store:
        await asyncio.gather(*(store.take(job(user=number)) for number in range(200)))
        assert len(await store.unfinished("telegram")) == 200


async def test_finished_jobs_take_no_space(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        sizes = []
        for _ in range(2):
            for number in range(300):
                asked = job(user=number)
                await store.take(asked)
                await store.finish(asked)
            await store.erase(ASKER)
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert sizes[1] < 1.5 * sizes[0]


async def test_unopened_store_recalls_nothing(tmp_path: Path) -> None:
    assert solo_store(tmp_path).recall("a") is None
