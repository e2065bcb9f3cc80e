"""A house: a fake Discord and a process of the bot that serves it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bot.adapters.discord.reading import told
from tests.bot.programs import PROGRAM, SECONDS, environment
from tests.fakes.discord import ORDINARY, FakeDiscord, Guild, Permission, Place, User
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.messages import Message

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 (of no bot)
ADMIN = 4242
# In every phrase, never in a log.
SECRET_WORD = "Zarzaparrilla"  # noqa: S105 (not that kind of secret)
PHRASE = f"En un lugar de la {SECRET_WORD}"
# Discord waits three seconds.
GOOD_TIME = 1.0
# No limits except those under test.
UNLIMITED = {
    "person_per_minute": 0,
    "person_per_day": 0,
    "server_per_minute": 0,
    "strikes": 0,
    "shutdown_seconds": 5,
}


def is_draft(message: Message) -> bool:
    """Whether this is a preview or a note, as on a busy machine."""
    shown = message.content or "".join(embed["description"] for embed in message.embeds)
    return not message.buttons and (shown.endswith(" …") or shown.startswith("-# "))


class House:
    """A server with a channel, members and the bot."""

    def __init__(self, discord: FakeDiscord, folder: Path) -> None:
        self.discord, self.folder = discord, folder
        self.guild: Guild = discord.guild("La Mancha")
        self.channel: Place = self.guild.channel("general")
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}
        self._people = 0
        # Discord shows admin commands only to server administrators.
        self.admin = User("Administra", id=str(ADMIN))
        discord.users.append(self.admin)
        self.guild.join(self.admin, ORDINARY | Permission.ADMINISTRATOR)

    def person(self, name: str = "", *, locale: str = "es-ES", installed: bool = False) -> User:
        """A new member of the server."""
        self._people += 1
        named = name or f"Persona{self._people}"
        return self.guild.join(self.discord.user(named, locale=locale, installed=installed))

    def check(self) -> None:
        """Check that the bot runs, broke no rule of Discord and logged no secret."""
        wrong, self.discord.violations[:] = list(self.discord.violations), []
        assert not wrong, "\n".join(wrong)
        assert self.process is None or self.process.poll() is None, self.log
        assert TOKEN not in self.log
        assert SECRET_WORD.lower() not in self.log.lower()

    async def ask(
        self, user: User, place: Place | None = None, /, frase: str = PHRASE, **options: Any
    ) -> Message:
        """Use /escribe; the answer."""
        asked = await self.discord.slash(
            user, place or self.channel, "escribe", frase=frase, **options
        )
        return await self.answer(asked)

    async def answer(self, asked: Interaction, seconds: float = 20) -> Message:
        """The final answer to an interaction; checks the time of its acknowledgement."""
        assert await asked.acknowledged() < GOOD_TIME
        return await self.outcome(asked, seconds)

    async def outcome(self, asked: Interaction, seconds: float = 20) -> Message:
        """The final answer to an interaction."""
        message = await asked.final(seconds)
        return await message.until(lambda m: not is_draft(m), seconds)

    async def use(self, user: User, name: str, /, **options: Any) -> str:
        """Use a command with an ephemeral answer; its text."""
        asked = await self.discord.slash(user, self.channel, name, **options)
        return told(await self.answer(asked))

    async def press(self, user: User, message: Message, label: str) -> Message:
        """Press a button; the message that answers."""
        return await self.answer(await self.discord.press(user, message, label))

    def start(self, checkpoints: Path, **settings: object) -> None:
        """Start the bot with these settings, or again with its former ones."""
        if not self.environment:
            discord = {name: str(settings.pop(name)) for name in list(settings) if name.isupper()}
            self.environment = environment(
                checkpoints, **({"state_dir": self.folder / "state"} | UNLIMITED | settings)
            ) | {
                "DISCORD_TOKEN": TOKEN,
                "DISCORD_API_BASE": self.discord.api_base,
                "DISCORD_GATEWAY_URL": self.discord.gateway_url,
                **discord,
            }
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "bot"],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log_path(self) -> Path:
        return self.folder / "log"

    @property
    def log(self) -> str:
        """The log of the bot."""
        return self.log_path.read_text("utf-8")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the bot with a signal; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end of the bot; its exit code."""
        assert self.process is not None
        code = await asyncio.to_thread(self.process.wait, SECONDS)
        self.process = None
        return code

    async def ready(self, shards: int = 1) -> None:
        """Wait for this number of sessions; raises AssertionError with the log if the bot ends."""
        connected = asyncio.ensure_future(self.discord.ready(SECONDS, shards))
        while not connected.done():
            await asyncio.wait([connected], timeout=0.2)
            if self.process is not None and self.process.poll() is not None:
                connected.cancel()
                raise AssertionError(self.log)
        connected.result()

    async def logged(self, text: str) -> None:
        """Wait until the log contains this text."""
        async with asyncio.timeout(SECONDS):
            while text not in self.log:  # noqa: ASYNC110 (another process's file)
                await asyncio.sleep(0.05)

    async def restart(self, checkpoints: Path) -> None:
        """End the bot and start it again."""
        assert await self.stop() == 0, self.log
        await self.discord.disconnected(10)
        self.start(checkpoints)
        await self.ready()


@asynccontextmanager
async def quiet_house(folder: Path, discord: FakeDiscord | None = None) -> AsyncIterator[House]:
    """A house whose bot is not started, with a new Discord by default."""
    folder.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        discord = discord or await stack.enter_async_context(FakeDiscord(token=TOKEN))
        ours = House(discord, folder)
        try:
            yield ours
        finally:
            if ours.process is not None:
                ours.process.kill()
                ours.process.wait()


@asynccontextmanager
async def house(
    folder: Path, checkpoints: Path, guilds: Mapping[str, str] | None = None, **settings: object
) -> AsyncIterator[House]:
    """A house whose bot is connected and has registered its commands; `guilds` are other servers
    by their ids."""
    async with quiet_house(folder) as ours:
        for number, name in (guilds or {}).items():
            guild = ours.discord.guild(name)
            guild.id = number
            guild.channel("general")
        ours.start(checkpoints, **settings)
        await ours.ready()
        await ours.discord.synced(SECONDS)
        yield ours
