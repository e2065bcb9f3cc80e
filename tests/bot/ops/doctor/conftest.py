"""The installation under examination, and a running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.ops.doctor import telegram as doctors_telegram
from tests.bot.operating.watching import Scene, ready_bot
from tests.bot.ops.doctor.patient import Patient
from tests.chaos.fire import bot_environment
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram


@pytest_asyncio.fixture(loop_scope="package")
async def patient(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Patient]:
    # Waiting for a competing client takes seconds; tests that have one restore the wait.
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 0)
    async with FakeDiscord() as discord, FakeTelegram() as server:
        environment = bot_environment(checkpoints, tmp_path, discord, server) | {
            "DISCORD_ADMIN_IDS": "1",
            "TELEGRAM_ADMIN_IDS": "1",
            "LITTERAGPT_PERSON_PER_MINUTE": "5",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Patient(discord, server, tmp_path, checkpoints, monkeypatch.setenv)
        # The doctor finds out by a refused request that the bot is not in a server.
        assert [each for each in discord.violations if "Missing Access" not in each] == []


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def watched(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    async with ready_bot(checkpoints, tmp_path_factory.mktemp("watched")) as scene:
        yield scene
