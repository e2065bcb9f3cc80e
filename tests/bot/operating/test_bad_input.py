"""Unusable configuration: the bot exits with code 78 and one sentence per problem, without side
effects."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import EXIT_CONFIG, run
from bot.texts import explain, say
from model.errors import CheckpointError
from tests.bot.operating.watching import HOST
from tests.bot.programs import DISCORD_TOKEN, as_nobody_special, litteragpt
from tests.chaos.fire import bot_environment
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

WEBHOOK = {
    "TELEGRAM_WEBHOOK_URL": "https://bot.example/telegram",
    "TELEGRAM_WEBHOOK_SECRET": "clave-de-prueba_0123456789",
}


@dataclass
class Stage:
    """Both platforms, which must receive no requests, and a working configuration."""

    discord: FakeDiscord
    telegram: FakeTelegram
    environment: dict[str, str]
    state: Path

    async def refused(self, **settings: str) -> list[str]:
        """Start the bot with these settings in a process; the lines of its error output."""
        done = await asyncio.to_thread(
            litteragpt, "bot", settings=self.environment | settings, prepare=as_nobody_special
        )
        assert (done.returncode, done.stdout) == (EXIT_CONFIG, b""), done.stderr.decode()
        return self.checked(done.stderr.decode())

    async def refused_here(
        self,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        settings: dict[str, str],
    ) -> list[str]:
        """The same within this process, which is faster."""
        for name, value in (self.environment | settings).items():
            patch.setenv(name, value)
        assert await asyncio.to_thread(run, ["bot"]) == EXIT_CONFIG
        output, errors = capsys.readouterr()
        assert output == ""
        return self.checked(errors)

    def checked(self, errors: str) -> list[str]:
        """The lines, after checks for side effects and secrets."""
        assert not self.state.exists()
        assert (self.discord.rest.calls, self.telegram.calls) == ([], [])
        assert not any(token in errors for token in (DISCORD_TOKEN, self.telegram.token))
        return errors.splitlines()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(checkpoints: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with FakeDiscord() as discord, FakeTelegram() as telegram:
        environment = bot_environment(checkpoints, tmp_path, discord, telegram)
        yield Stage(discord, telegram, environment, tmp_path / "state")


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
            "DISCORD_TOKEN: «...» no vale; es un token de Telegram; póngalo en TELEGRAM_TOKEN.",
        ),
        (
            {"TELEGRAM_TOKEN": DISCORD_TOKEN},
            "TELEGRAM_TOKEN: «...» no vale; es un token de Discord; póngalo en DISCORD_TOKEN.",
        ),
        (
            {"DISCORD_TOKEN": f"{DISCORD_TOKEN} y algo más"},
            "DISCORD_TOKEN: «...» no vale; un token no lleva espacios ni tildes; cópielo de nuevo.",
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
async def test_unusable_setting(
    stage: Stage,
    settings: dict[str, str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await stage.refused_here(monkeypatch, capsys, settings) == [told]


@pytest.mark.parametrize("setting", ["LITTERAGPT_METRICS_PORT", "TELEGRAM_WEBHOOK_PORT"])
async def test_port_in_use(stage: Stage, setting: str) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        lines = await stage.refused(**WEBHOOK | {setting: str(port)})
    reason = say("port_taken")
    remedy = say("port_remedy", setting=setting)
    assert lines == [say("port", host=HOST, port=port, reason=reason, remedy=remedy)]


async def test_address_of_another_machine(stage: Stage) -> None:
    settings = {"LITTERAGPT_METRICS_HOST": "192.0.2.1", "LITTERAGPT_METRICS_PORT": "9464"}
    (line,) = await stage.refused(**settings)
    assert say("port_elsewhere") in line


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a..b", "a" * 80, "[::1"])
@pytest.mark.parametrize("part", ["LITTERAGPT_METRICS", "TELEGRAM_WEBHOOK", "LITTERAGPT_WEB"])
async def test_wrong_host_is_not_blamed_on_port(
    stage: Stage,
    part: str,
    host: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = WEBHOOK | {
        f"{part}_HOST": host,
        f"{part}_PORT": "9464",
        "LITTERAGPT_WEB": str(part == "LITTERAGPT_WEB"),
    }
    (line,) = await stage.refused_here(monkeypatch, capsys, settings)
    assert line.startswith("No puedo escuchar en ")
    assert line.endswith(say("host_remedy", setting=f"{part}_HOST") + ".")


async def test_world_readable_env_file(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"TELEGRAM_TOKEN={stage.telegram.token}\n")
    file.chmod(0o644)
    assert await stage.refused() == [say("setting_exposed", file=file)]


async def test_starts_with_warning_on_disk_without_permissions(
    stage: Stage, tmp_path: Path, without_permissions: dict[str, str]
) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_TOKEN={stage.telegram.token}\n")
    with socket.create_server((HOST, 0)) as other:  # makes the bot exit
        port = str(other.getsockname()[1])
        lines = await stage.refused(**without_permissions, LITTERAGPT_METRICS_PORT=port)
    assert "for its file system to say" in lines[0]
    assert lines[1].startswith("No puedo escuchar en ")
    assert len(lines) == 2


async def test_unreadable_env_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o000)
    (line,) = await stage.refused()
    assert line.startswith("No puedo leer el archivo .env")


@pytest.mark.parametrize(
    ("locked", "named"),
    [
        (lambda models: models, "models/tiny"),
        (lambda models: models / "tiny", "models/tiny/config.json"),
    ],
)
async def test_unreadable_checkpoint_folder(
    stage: Stage, tmp_path: Path, locked: Callable[[Path], Path], named: str
) -> None:
    models = tmp_path / "models"
    save_tiny(models / "tiny")
    locked(models).chmod(0o000)
    try:
        lines = await stage.refused(LITTERAGPT_CHECKPOINTS_DIR=str(models))
    finally:
        locked(models).chmod(0o700)
    assert lines == [explain(CheckpointError("forbidden", file=str(tmp_path / named)))]


async def test_reports_all_problems_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"LITTERAGPT_THREADS": "dos", "LITTERAGPT_METRICS_PORT": "-1"}
    assert len(await stage.refused_here(monkeypatch, capsys, settings)) == 2
