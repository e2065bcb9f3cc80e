"""Bot processes that share a database, and people on both platforms."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot.adapters.telegram.running import GENEROUS, Bot, start
from tests.bot.adapters.telegram.test_webhook import free_port
from tests.bot.programs import environment
from tests.chaos.people import NOTES
from tests.cluster.postgres import Postgres
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.interactions import Interaction
from tests.fakes.telegram import Chat, FakeTelegram, Message, User

PHRASE = "En un lugar de la Mancha"
# Longer than a lease, its renewal and an answer on a busy machine.
PATIENCE_SECONDS = 60.0


@dataclass
class Process:
    """A bot with files of its own, as on a machine of its own."""

    bot: Bot
    port: int

    async def ready(self) -> tuple[int, dict[str, str]]:
        """HTTP status and parts of /readyz."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/readyz") as answer,
        ):
            return answer.status, await answer.json()

    async def kill(self) -> None:
        """Kill it."""
        self.bot.process.send_signal(signal.SIGKILL)
        await self.bot.ended()


@dataclass
class Town:
    """A Discord, a Telegram, a database, and the bots between them."""

    discord: FakeDiscord
    telegram: FakeTelegram
    postgres: Postgres
    checkpoints: Path
    folder: Path
    processes: list[Process] = field(default_factory=list)

    async def start(self, *platforms: str, **settings: object) -> Process:
        """Start a bot on these platforms and wait until it serves or stands by."""
        port, number = free_port(), len(self.processes)
        folder = self.folder / f"machine-{number}"
        folder.mkdir()
        whole = {name: str(value) for name, value in settings.items() if name.isupper()}
        ours = {name: value for name, value in settings.items() if name.islower()}
        machine = {"state_dir": folder, "metrics_port": port, "shutdown_seconds": 5}
        shared = {"database_url": self.postgres.url}
        variables = environment(self.checkpoints, **(GENEROUS | machine | shared | ours))
        if "discord" in platforms:
            variables |= {
                "DISCORD_TOKEN": self.discord.token,
                "DISCORD_API_BASE": self.discord.api_base,
                "DISCORD_GATEWAY_URL": self.discord.gateway_url,
            }
        if "telegram" in platforms:
            variables |= {
                "TELEGRAM_TOKEN": self.telegram.token,
                "TELEGRAM_API_BASE": self.telegram.base,
                "TELEGRAM_POLL_SECONDS": "2",
            }
        process = Process(await start(variables | whole, folder), port)
        self.processes.append(process)
        for platform in platforms:
            line = "connected to Discord" if platform == "discord" else "Telegram: @"
            await process.bot.logged(line, PATIENCE_SECONDS)
        if "telegram" in platforms:
            await self.until(process, "telegram")
        return process

    @property
    def under_way(self) -> int:
        """Number of jobs in the database."""
        return int(self.postgres.ask("SELECT count(*) FROM jobs")[0][0])

    @property
    def unhandled(self) -> int:
        """Number of unhandled events in the database."""
        return int(self.postgres.ask("SELECT count(*) FROM events WHERE body IS NOT NULL")[0][0])

    async def until(self, process: Process, part: str, *words: str) -> str:
        """Wait until a part of a process reports one of these words; returns it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                word = (await process.ready())[1].get(part)
                if word in (words or ("ok", "standby")):
                    return str(word)
                await asyncio.sleep(0.1)

    def telegram_person(self, name: str = "Ana") -> tuple[User, Chat]:
        """A new person and their private chat."""
        user = self.telegram.user(name)
        return user, self.telegram.private(user)

    async def ask(self, text: str = f"/escribe {PHRASE}", who: Any = None) -> Message:
        """Send the bot a message on Telegram."""
        return await self.telegram.say(*(who or self.telegram_person()), text)

    async def answer(self, message: Message) -> Message:
        """The answer to a message, after any note on the wait."""

        def answered() -> Message | None:
            replies = self.telegram.replies_to(message)
            return next((reply for reply in replies if reply.text not in NOTES), None)

        return await self.telegram.world.changes.until(answered, PATIENCE_SECONDS, "answer")

    async def asked_on_discord(self, user: Any, phrase: str = PHRASE) -> Interaction:
        """A request on Discord."""
        return await self.discord.slash(user, self.discord.dm(user), "escribe", frase=phrase)

    async def close(self) -> None:
        """Stop all processes and check their logs for secrets and tracebacks."""
        for process in self.processes:
            if process.bot.process.returncode is None:
                process.bot.terminate()
        for process in self.processes:
            await process.bot.ended()
        logs = [process.bot.log for process in self.processes]
        secrets = (self.postgres.password, self.discord.token, self.telegram.token, PHRASE)
        found = Counter(secret for log in logs for secret in secrets if secret in log)
        assert not found, found
        assert not any("Traceback" in log for log in logs), logs
