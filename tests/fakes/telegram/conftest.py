"""A fake Telegram, and a python-telegram-bot client connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram.clients import client


@pytest.fixture(autouse=True)
def retry_after_is_a_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opt in to the default of the library's next major version; without it, it warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """A fake without flood limits."""
    async with FakeTelegram(flood=False) as server:
        yield server


@pytest.fixture
async def bot(server: FakeTelegram) -> AsyncIterator[Bot]:
    """An initialized client."""
    async with client(server) as bot:
        yield bot
