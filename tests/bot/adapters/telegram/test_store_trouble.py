"""Store failures: users notice nothing, and admins get a report."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from bot.store.sqlite import FILE
from bot.texts import say
from tests.bot.adapters.telegram.running import Bot, running
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of
from tests.conftest import save_tiny
from tests.fakes.telegram import FakeTelegram, User

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@dataclass
class Scene:
    server: FakeTelegram
    bot: Bot
    admin: User
    folder: Path

    async def serves(self) -> None:
        """A new user is answered."""
        ana = self.server.user("Ana")
        written = await self.server.say(ana, self.server.private(ana), PHRASE)
        assert phrase_of(await self.server.reply_to(written, 20.0)) == PHRASE

    async def status(self) -> str:
        """The store's line in the status report."""
        home = self.server.private(self.admin)
        report = (await answer(self.server, self.admin, home, "/estado")).text
        return report.rpartition("Memoria en disco: ")[2]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("trouble")
    save_tiny(folder / "models" / "tiny")
    async with FakeTelegram(flood=False) as server:
        admin = server.user("Admina")
        settings = {"TELEGRAM_ADMIN_IDS": admin.id}
        async with running(server, folder / "models", folder, **settings) as bot:
            yield Scene(server, bot, admin, folder)
        assert server.violations == []


async def test_full_disk(scene: Scene) -> None:
    process = psutil.Process(scene.bot.process.pid)
    _, most = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, most))
    try:
        await scene.serves()
        assert await scene.status() != say("store_fine")
        await scene.bot.logged("going on without it")
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (most, most))
    await scene.serves()
    assert await scene.status() == say("store_fine")


async def test_locked_file(scene: Scene) -> None:
    with closing(sqlite3.connect(scene.folder / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await scene.serves()
        assert "locked" in await scene.status()
    await scene.serves()
    assert await scene.status() == say("store_fine")


async def test_file_damaged_while_in_use(scene: Scene) -> None:
    for path in (scene.folder / FILE, scene.folder / f"{FILE}-wal"):
        size = path.stat().st_size
        with path.open("r+b") as file:  # in place, like a failing disk
            file.seek(min(size, 4096))
            file.write(b"\xff" * (size - min(size, 4096)))
    for _ in range(3):
        await scene.serves()


async def test_file_damaged_before_start(tmp_path: Path) -> None:
    save_tiny(tmp_path / "models" / "tiny")
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    async with FakeTelegram(flood=False) as server:
        admin = server.user("Admina")
        settings = {"TELEGRAM_ADMIN_IDS": admin.id}
        async with running(server, tmp_path / "models", tmp_path, **settings) as bot:
            ours = Scene(server, bot, admin, tmp_path)
            await ours.serves()
            assert "set aside" in await ours.status()
            await bot.logged("set aside")
    assert list(tmp_path.glob(f"{FILE}.unusable-*"))
