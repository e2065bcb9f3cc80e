"""A running bot, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.bot.outside.stage import PHRASE, Stage
from tests.bot.programs import environment
from tests.chaos.process import Bot
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("abuse")
    save_tiny(folder / "checkpoints" / "tiny")
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        settings = environment(folder / "checkpoints", state_dir=folder / "state") | {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_BASE": telegram.base,
        }
        channel = discord.guild("La Mancha").channel("general")
        bot = Bot(settings, folder / "bot.log")
        await bot.start()
        await discord.ready(60)
        await discord.synced(60)
        await telegram.connected(60)
        yield Stage(discord, telegram, bot, channel, folder)
        assert await bot.stop() == 0
        log = (folder / "bot.log").read_text("utf-8")
        assert "Traceback" not in log
        assert PHRASE not in log
