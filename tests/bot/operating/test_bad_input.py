"""What cannot work is told in a sentence with exit code 78, and nothing is half started."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import EXIT_CONFIG
from bot.texts import explain, say
from model.errors import CheckpointError
from tests.bot.operating.watching import HOST
from tests.bot.programs import as_nobody_special, litteragpt
from tests.chaos.fire import bot_environment
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 (of no bot)
WEBHOOK = {
    "TELEGRAM_WEBHOOK_URL": "https://bot.example/telegram",
    "TELEGRAM_WEBHOOK_SECRET": "clave-de-prueba_0123456789",
}


@dataclass
class Stage:
    """Both platforms, which nobody should ask for anything."""

    discord: FakeDiscord
    telegram: FakeTelegram
    models: Path

    async def refused(self, folder: Path, **settings: str) -> list[str]:
        """Start the bot with these settings; the lines that it ends with."""
        environment = bot_environment(self.models, folder, self.discord, self.telegram) | settings
        done = await asyncio.to_thread(
            litteragpt, "bot", settings=environment, prepare=as_nobody_special
        )
        assert done.returncode == EXIT_CONFIG, done.stderr.decode()
        assert done.stdout == b""
        assert not (folder / "state").exists()
        assert (self.discord.rest.calls, self.telegram.calls) == ([], [])
        errors = done.stderr.decode()
        assert not any(token in errors for token in (DISCORD_TOKEN, self.telegram.token))
        return errors.splitlines()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(checkpoints: Path) -> AsyncIterator[Stage]:
    async with FakeDiscord() as discord, FakeTelegram() as telegram:
        yield Stage(discord, telegram, checkpoints)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"LITTERAGPT_METRICS_PORT": "mil"},
            "LITTERAGPT_METRICS_PORT: «mil» no vale; se espera un número entero.",
        ),
        (
            {"LITTERAGPT_METRICS_PORT": "70000"},
            "LITTERAGPT_METRICS_PORT: «70000» no vale; lo más es 65535.",
        ),
        (
            {"DISCORD_TOKEN": "424242:" + "A" * 35},
            "DISCORD_TOKEN: «...» no vale; es una clave de Telegram; póngala en TELEGRAM_TOKEN.",
        ),
        (
            {"TELEGRAM_TOKEN": DISCORD_TOKEN},
            "TELEGRAM_TOKEN: «...» no vale; es una clave de Discord; póngala en DISCORD_TOKEN.",
        ),
        (
            {"DISCORD_TOKEN": f"{DISCORD_TOKEN} y algo más"},
            "DISCORD_TOKEN: «...» no vale; una clave no lleva espacios ni tildes; cópiela de "
            "nuevo.",
        ),
        (
            {"TELEGRAM_WEBHOOK_URL": "https://bot.example", "TELEGRAM_WEBHOOK_SECRET": "  "},
            "TELEGRAM_WEBHOOK_SECRET: con TELEGRAM_WEBHOOK_URL se espera una clave de 16 a 256 "
            "letras, cifras, _ o -.",
        ),
        (
            WEBHOOK | {"TELEGRAM_WEBHOOK_PORT": "8443", "LITTERAGPT_METRICS_PORT": "8443"},
            "LITTERAGPT_METRICS_PORT: se espera otro puerto que el de TELEGRAM_WEBHOOK_PORT.",
        ),
    ],
)
async def test_a_setting_that_cannot_work(
    stage: Stage, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    assert await stage.refused(tmp_path, **settings) == [told]


@pytest.mark.parametrize("setting", ["LITTERAGPT_METRICS_PORT", "TELEGRAM_WEBHOOK_PORT"])
async def test_a_port_in_use(stage: Stage, tmp_path: Path, setting: str) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        lines = await stage.refused(tmp_path, **WEBHOOK | {setting: str(port)})
    reason = say("port_taken")
    assert lines == [say("port", host=HOST, port=port, reason=reason, setting=setting)]


async def test_an_address_of_another_machine(stage: Stage, tmp_path: Path) -> None:
    settings = {"LITTERAGPT_METRICS_HOST": "192.0.2.1", "LITTERAGPT_METRICS_PORT": "9464"}
    (line,) = await stage.refused(tmp_path, **settings)
    assert say("port_elsewhere") in line


async def test_a_file_of_settings_that_anybody_may_read(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"TELEGRAM_TOKEN={stage.telegram.token}\n")
    file.chmod(0o644)
    assert await stage.refused(tmp_path) == [say("setting_exposed", file=file)]


async def test_a_file_of_settings_that_may_not_be_read(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o000)
    (line,) = await stage.refused(tmp_path)
    assert line.startswith("No puedo leer el archivo .env")


@pytest.mark.parametrize(
    ("locked", "named"),
    [
        (lambda models: models, "models/tiny"),
        (lambda models: models / "tiny", "models/tiny/config.json"),
    ],
)
async def test_a_checkpoint_folder_without_permission(
    stage: Stage, tmp_path: Path, locked: Callable[[Path], Path], named: str
) -> None:
    models = tmp_path / "models"
    save_tiny(models / "tiny")
    locked(models).chmod(0o000)
    try:
        lines = await stage.refused(tmp_path, LITTERAGPT_CHECKPOINTS_DIR=str(models))
    finally:
        locked(models).chmod(0o700)
    assert lines == [explain(CheckpointError("forbidden", file=str(tmp_path / named)))]


async def test_all_that_is_wrong_is_told_at_once(stage: Stage, tmp_path: Path) -> None:
    settings = {"LITTERAGPT_THREADS": "dos", "LITTERAGPT_METRICS_PORT": "-1"}
    assert len(await stage.refused(tmp_path, **settings)) == 2
