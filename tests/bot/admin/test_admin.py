"""Admin commands over a real worker: reloads as transactions, pauses, and rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.admin.admin import Admin, chosen_checkpoint
from bot.requests.access import Access
from bot.requests.job import Requester
from bot.requests.limits import Limits
from bot.service.service import Service
from bot.service.stats import Stats
from bot.store import open_store
from bot.texts import ENGLISH, say
from tests.bot.damage import DAMAGES, PICKLE_TRACE
from tests.bot.executors import running, write
from tests.bot.records import Entry, audit
from tests.conftest import save_tiny

ADMIN = Requester("discord", 1, 50)
STRANGER = Requester("discord", 2, 50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which a test may damage."""
    save_tiny(tmp_path / "checkpoints" / "tiny", seed=0)
    save_tiny(tmp_path / "checkpoints" / "otro", seed=1)
    return tmp_path / "checkpoints"


@asynccontextmanager
async def administration(folder: Path) -> AsyncIterator[Admin]:
    """Admin commands of a bot that is configured with `tiny` and serves the last choice."""
    async with (
        open_store(folder.parent / "state") as store,
        running(folder / chosen_checkpoint(store, "tiny")) as executor,
    ):
        none = Limits(person_minute=0, person_day=0, place_minute=0, strikes=0, block_seconds=1)
        access = Access(admins=frozenset({ADMIN.person}))
        service = Service(executor, none, access, Stats(), store, slots=4, queue_limit=8)
        yield Admin(service, executor, store, {}, folder, "tiny")


def serving(ours: Admin) -> str:
    return ours._executor.serving.name


async def chosen(folder: Path, configured: str) -> str:
    """The checkpoint of the next start."""
    async with open_store(folder.parent / "state") as store:
        return chosen_checkpoint(store, configured)


async def test_reload_reports_and_records_changes(folder: Path) -> None:
    async with administration(folder) as ours:
        old = ours._executor.serving.checkpoint
        told = await ours.reload(ADMIN, "otro")
        new = ours._executor.serving.checkpoint
    assert told.startswith("Modelo cargado en ")
    assert f"de tiny ({old}) a otro ({new}); sin pérdida medida." in told
    details = {"old": f"tiny ({old})", "new": f"otro ({new})", "result": "done"}
    assert audit(folder.parent / "state") == [Entry("discord:1", "reload", details)]


async def test_previous_model_returns_after_restart(folder: Path) -> None:
    async with administration(folder) as ours:
        assert await ours.reload(ADMIN, "anterior") == say("reload_none")
        await ours.reload(ADMIN, "otro")
        await ours.reload(ADMIN, "Anterior")
        assert serving(ours) == "tiny"
        await ours.reload(ADMIN, "previous")
        assert serving(ours) == "otro"
    async with administration(folder) as ours:
        assert serving(ours) == "otro"
        await ours.reload(ADMIN, "anterior")
        assert serving(ours) == "tiny"


async def test_changed_setting_overrides_earlier_choice(folder: Path) -> None:
    async with administration(folder) as ours:
        await ours.reload(ADMIN, "otro")
    assert await chosen(folder, "tiny") == "otro"
    assert await chosen(folder, "small") == "small"


@pytest.mark.parametrize(("damage", "named"), DAMAGES)
async def test_reload_keeps_old_model_on_failure(
    folder: Path, damage: Callable[[Path], None], named: str
) -> None:
    damage(folder / "otro")
    async with administration(folder) as ours:
        told = await ours.reload(ADMIN, "otro")
        assert serving(ours) == "tiny"
        assert (await write(ours._executor)).sentences
    assert told.startswith("Sigo con tiny (")
    assert named in told
    assert audit(folder.parent / "state")[-1].details["result"] == "failed (CheckpointError)"
    assert not (folder / PICKLE_TRACE).exists()
    assert await chosen(folder, "tiny") == "tiny"


@pytest.mark.parametrize(
    "name", ["nada", "..", ".", "../checkpoints/otro", "/etc", "tiny/", "a\x00b", "a" * 5000, "lnk"]
)
async def test_reload_accepts_only_names_in_the_folder(folder: Path, name: str) -> None:
    save_tiny(folder.parent / "outside", seed=2)
    (folder / "lnk").symlink_to(folder.parent / "outside")
    async with administration(folder) as ours:
        told = await ours.reload(ADMIN, name)
        assert serving(ours) == "tiny"
    assert told.startswith("Sigo con tiny (")
    assert "otro, tiny" in told
    assert len(told) < 400


async def test_reload_without_name_reads_same_folder(folder: Path) -> None:
    async with administration(folder) as ours:
        old = ours._executor.serving.checkpoint
        save_tiny(folder / "tiny", seed=3)
        await ours.reload(ADMIN)
        assert serving(ours) == "tiny"
        assert ours._executor.serving.checkpoint != old


async def test_one_reload_at_a_time(folder: Path) -> None:
    async with administration(folder) as ours:
        told = await asyncio.gather(ours.reload(ADMIN, "otro"), ours.reload(ADMIN, "tiny"))
    assert told[1] == say("reload_under_way")


async def test_commands_refuse_other_users(folder: Path) -> None:
    async with administration(folder) as ours:
        told = [
            await ours.reload(STRANGER, "otro"),
            await ours.pause(STRANGER),
            await ours.resume(STRANGER),
            ours.status(STRANGER),
        ]
        assert serving(ours) == "tiny"
        assert not ours._service.admission.paused
        assert ours.checkpoints(STRANGER) == []
        assert ours.checkpoints(ADMIN) == ["otro", "tiny"]
    assert set(told) == {say("not_admin")}
    assert audit(folder.parent / "state") == []


async def test_pauses_are_recorded_and_shown(folder: Path) -> None:
    async with administration(folder) as ours:
        assert await ours.pause(ADMIN) == say("paused_done")
        assert ours.status(ADMIN).startswith("En pausa desde hace ")
        assert await ours.resume(ADMIN) == say("resumed_done")
        english = Requester("discord", 1, 50, ENGLISH)
        assert ours.status(english).startswith("Serving for ")
    assert [entry.what for entry in audit(folder.parent / "state")] == ["pause", "resume"]


async def test_unwritable_store_only_loses_memory(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "state").write_text("a file where the folder should be")
    async with administration(folder) as ours:
        assert (await ours.reload(ADMIN, "otro")).startswith("Modelo cargado")
        assert serving(ours) == "otro"
    assert "going on without it" in caplog.text
