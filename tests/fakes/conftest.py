"""A fake Telegram, and the library that the bot uses, pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from tests.fakes.telegram import FakeTelegram


@pytest.fixture(autouse=True)
def retry_after_is_a_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it will be in the library's next major version; now it warns unless one opts in."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """A server without flood limits."""
    async with FakeTelegram(flood=False) as server:
        yield server


@pytest.fixture
async def bot(server: FakeTelegram) -> AsyncIterator[Bot]:
    """A real client, initialized."""
    async with client(server) as bot:
        yield bot


def client(server: FakeTelegram, token: str | None = None) -> Bot:
    """Another client of the same server, to be entered."""
    return Bot(token or server.token, base_url=f"{server.base}/bot")
