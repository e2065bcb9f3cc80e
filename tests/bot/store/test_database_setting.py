"""LITTERAGPT_DATABASE_URL: errors are one sentence without the password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.ops.doctor import database
from bot.ops.doctor.findings import Grade
from bot.settings.env_file import load_settings
from bot.settings.names import SettingsError
from bot.store import open_store
from tests.bot.adapters.telegram.test_webhook import free_port
from tests.bot.programs import PROGRAM, environment, litteragpt
from tests.cluster.postgres import Postgres

PASSWORD = "clave-muy-secreta"  # noqa: S105
NAME = "LITTERAGPT_DATABASE_URL"


def served(checkpoints: Path, folder: Path, url: str) -> dict[str, str]:
    """The environment of a bot that serves only the page."""
    return environment(
        checkpoints, state_dir=folder, web="true", web_port=free_port(), database_url=url
    )


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{PASSWORD}@db/x",
        f"postgresql://u:{PASSWORD}@/x",
        f"postgresql://u:{PASSWORD}@db:port/x",
        f"postgresql://u:{PASSWORD}@home@db/x",
        PASSWORD,
    ],
)
def test_invalid_address_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, url)
    with pytest.raises(SettingsError, match=f"{NAME}: .*postgresql://usuario") as told:
        load_settings()
    assert PASSWORD not in str(told.value)


def test_address_and_password_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://u:cl%40ve@db:5433/x?sslmode=verify-full"
    monkeypatch.setenv(NAME, url)
    assert {url, "cl%40ve", "cl@ve"} <= set(load_settings().secrets)
    monkeypatch.setenv(NAME, "postgresql:///x?host=/run/postgresql")
    assert load_settings().database_url is not None


def test_exit_codes_without_a_database(
    checkpoints: Path, tmp_path: Path, postgres: Postgres
) -> None:
    wrong = served(checkpoints, tmp_path, postgres.url.replace(postgres.password, PASSWORD))
    ended = litteragpt("bot", settings=wrong)
    assert ended.returncode == 78
    told = ended.stderr.decode()
    assert NAME in told.splitlines()[-1]
    away = served(checkpoints, tmp_path, f"postgresql://u:{PASSWORD}@127.0.0.1:1/x")
    ended = litteragpt("bot", settings=away)
    assert ended.returncode == 1
    told += ended.stderr.decode()
    assert "No llego a la base de datos" in told.splitlines()[-1]
    assert "Traceback" not in told
    assert PASSWORD not in told


def test_missing_asyncpg_is_named(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, flag, program = PROGRAM
    without = f"import sys; sys.modules['asyncpg'] = None; {program}"
    monkeypatch.setattr("tests.bot.programs.PROGRAM", [python, flag, without])
    settings = served(checkpoints, tmp_path, f"postgresql://u:{PASSWORD}@127.0.0.1:1/x")
    ended = litteragpt("bot", settings=settings)
    assert ended.returncode == 78
    assert ended.stderr.decode().splitlines()[-1].startswith(f"Para {NAME} falta asyncpg")
    ended = litteragpt("doctor", "--json", settings=settings)
    (found,) = [
        each for each in json.loads(ended.stdout)["comprobaciones"] if each["parte"] == "base"
    ]
    assert found["estado"] == Grade.PROBLEM
    assert "litteragpt[postgres]" in found["remedio"]


async def test_doctor_changes_nothing(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.empty()
    monkeypatch.setenv(NAME, postgres.url)
    (found,), others = await database.examine(load_settings())
    assert (found.grade, others) == (Grade.GOOD, [])
    assert postgres.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [["0"]]
    async with open_store(tmp_path, url=postgres.url) as store:
        (_, found), others = await database.examine(load_settings())
        assert others == [store.coordinator.identity]
        assert str(store.coordinator.identity) in found.text
    monkeypatch.setenv(NAME, postgres.url.replace(postgres.password, PASSWORD))
    (found,), _ = await database.examine(load_settings())
    assert found.grade is Grade.PROBLEM
    assert PASSWORD not in found.text
