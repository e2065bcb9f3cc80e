"""Both platforms at once, with a bot that serves them as it does when no limit is set."""

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
    """Both platforms, and a bot with the limits that it has when nothing is set."""

    discord: FakeDiscord
    telegram: FakeTelegram
    bot: Bot
    channel: Place
    folder: Path

    @property
    def memory(self) -> int:
        """Bytes that the bot's own process holds."""
        return int(psutil.Process(self.bot.pid).memory_info().rss)

    async def serves_others(self) -> None:
        """Somebody new is answered on both platforms."""
        guild = self.channel.guild
        assert guild is not None
        ben, eva = guild.join(self.discord.user("Ben")), self.telegram.user("Eva")
        asked = await self.discord.slash(ben, self.discord.dm(ben), "escribe", frase=PHRASE)
        assert PHRASE in (await asked.final(30)).text
        message = await self.telegram.say(eva, self.telegram.private(eva), PHRASE)
        assert (await self.telegram.reply_to(message, 30)).text.startswith(PHRASE)
