"""Both platforms with a bot that has the default limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.process import Bot
from tests.fakes.discord import FakeDiscord, Place
from tests.fakes.telegram import FakeTelegram

PHRASE = "En un lugar de la Mancha"


@dataclass
class Stage:
    """Both platforms, and a bot with default limits."""

    discord: FakeDiscord
    telegram: FakeTelegram
    bot: Bot
    channel: Place
    folder: Path

    @property
    def memory(self) -> int:
        """Resident memory of the bot process, in bytes."""
        return int(psutil.Process(self.bot.pid).memory_info().rss)

    async def serves_others(self) -> None:
        """Assert that a new user gets an answer on both platforms."""
        guild = self.channel.guild
        assert guild is not None
        ben, eva = guild.join(self.discord.user("Ben")), self.telegram.user("Eva")
        asked = await self.discord.slash(ben, self.discord.dm(ben), "escribe", frase=PHRASE)
        assert PHRASE in (await asked.final(30)).text
        message = await self.telegram.say(eva, self.telegram.private(eva), PHRASE)
        assert (await self.telegram.reply_to(message, 30)).text.startswith(PHRASE)
