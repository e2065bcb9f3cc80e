"""One bot for most tests of this folder, since starting one takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from model.text.tokenizer import Tokenizer
from tests.bot.adapters.telegram.running import Bot, running
from tests.conftest import TINY_TOKENIZER, save_tiny
from tests.fakes.telegram import Chat, FakeTelegram, User

# A model that frequently writes characters of links and mentions.
WIDE = TINY_TOKENIZER.characters + "@/#$&*_<>[]~|\\="
WIDE_TOKENIZER = Tokenizer(TINY_TOKENIZER.styles, "".join(sorted(set(WIDE))))


@dataclass
class Town:
    """A Telegram with its rate limits, a bot that serves it, and its admin."""

    server: FakeTelegram
    bot: Bot
    admin: User
    models: Path
    state: Path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """The bot that tests share; each test has its own users."""
    folder = tmp_path_factory.mktemp("telegram")
    models = folder / "models"
    for seed, name in enumerate(("tiny", "otro")):
        save_tiny(models / name, seed, tokenizer=WIDE_TOKENIZER)
    async with FakeTelegram() as server:
        admin = server.user("Admina")
        settings = {"TELEGRAM_ADMIN_IDS": admin.id}
        async with running(server, models, folder, **settings) as bot:
            yield Town(server, bot, admin, models, folder)


@pytest_asyncio.fixture(loop_scope="session")
async def server(town: Town) -> AsyncIterator[FakeTelegram]:
    """The shared bot's Telegram; checks for violations after each test."""
    yield town.server
    found = list(town.server.violations)
    town.server.violations.clear()
    assert found == []


@pytest_asyncio.fixture(loop_scope="session")
async def ana(server: FakeTelegram) -> User:
    """A new user who speaks Spanish."""
    return server.user("Ana")


@pytest_asyncio.fixture(loop_scope="session")
async def home(server: FakeTelegram, ana: User) -> Chat:
    """Ana's chat with the bot."""
    return server.private(ana)
