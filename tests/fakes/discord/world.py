"""Shared by the fake's tests: discord.py bots, a raw client and a small guild."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord as library
import pytest
import yarl
from discord import app_commands

from tests.fakes.discord import FakeDiscord, Guild, Place, User
from tests.fakes.discord.interactions import Interaction

MENU = "Continuar con LitteraGPT"
ECHO = {"name": "eco", "description": "Repite", "integration_types": [0, 1]}
ORIGINAL = "/webhooks/*/messages/@original"


class Bot(library.Client):
    """A small bot built like the real one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            intents=options.pop("intents", library.Intents.none()),
            allowed_mentions=options.pop("allowed_mentions", library.AllowedMentions.none()),
            **options,
        )
        self.tree = app_commands.CommandTree(self)
        self.pressed = asyncio.Event()
        self.lost: list[str] = []
        add_commands(self)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the library's wait of five seconds."""


class Again(library.ui.View):
    """A button below a response."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @library.ui.button(label="Otra vez", custom_id="again")
    async def again(self, interaction: library.Interaction, _button: Any) -> None:
        await interaction.response.edit_message(content="Otra cosa", view=None)


def add_commands(bot: Bot) -> None:
    """Add `/escribe`, one with autocompletion, a message menu and an admin command."""

    @bot.tree.command(name="escribe", description="Continúa una frase")
    @app_commands.describe(frase="Lo que se continúa", modelo="Con cuál", oculto="Solo para ti")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def write(
        interaction: library.Interaction,
        frase: app_commands.Range[str, 1, 400],
        modelo: str = "small",
        oculto: bool = False,
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=oculto)
        await interaction.edit_original_response(content=f"{frase}… ({modelo})", view=Again())

    @write.autocomplete("modelo")
    async def models(_: library.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        names = ["small", "smart", "large"]
        return [app_commands.Choice(name=n, value=n) for n in names if n.startswith(typed)]

    @bot.tree.context_menu(name=MENU)
    async def go_on(interaction: library.Interaction, message: library.Message) -> None:
        await interaction.response.send_message(f"{message.content}…")

    @bot.tree.command(name="recargar", description="Vuelve a cargar el modelo")
    @app_commands.default_permissions(administrator=True)
    async def reload(interaction: library.Interaction) -> None:
        await interaction.response.send_message("Hecho", ephemeral=True)


class World:
    """A fake with a guild, a channel and two users."""

    def __init__(self, discord: FakeDiscord) -> None:
        self.discord = discord
        self.guild: Guild = discord.guild("La Mancha")
        self.general: Place = self.guild.channel("general")
        self.ana: User = self.guild.join(discord.user("Ana"))
        self.blas: User = self.guild.join(discord.user("Blas", locale="en-US"))


@asynccontextmanager
async def logged_in(discord: FakeDiscord, bot: Bot | None = None) -> AsyncIterator[Bot]:
    """The bot, connected to the fake."""
    bot = bot or Bot()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library.http.Route, "BASE", discord.api_base)
        gateway = yarl.URL(discord.gateway_url)
        patch.setattr(library.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        running = asyncio.create_task(bot.start(discord.token))
        ready = asyncio.create_task(discord.ready(5))
        await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            yield bot
        finally:
            await bot.close()
            await running


async def connect_in_vain(discord: FakeDiscord, bot: Bot | None = None) -> None:
    """Run a bot until the fake refuses it."""
    async with logged_in(discord, bot):
        await discord.disconnected(5)
        await asyncio.sleep(0.05)


class Raw:
    """A client without a library, which can violate every rule."""

    def __init__(self, discord: FakeDiscord, web: aiohttp.ClientSession) -> None:
        self._discord = discord
        self._web = web
        self._headers = {
            "Authorization": f"Bot {discord.token}",
            "User-Agent": "DiscordBot (http://localhost, 1)",
        }

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """The status, and the error code or the body."""
        url = self._discord.api_base + path
        sent = self._headers | headers
        async with self._web.request(method, url, json=body, headers=sent) as response:
            answer = await response.json() if response.status != 204 else None
            if answer and response.status >= 400:
                answer = answer.get("code")
            return response.status, answer

    async def sync(self, *commands: dict[str, Any], guild: Guild | None = None) -> tuple[int, Any]:
        scope = f"/guilds/{guild.id}" if guild else ""
        path = f"/applications/{self._discord.bot.id}{scope}/commands"
        return await self("PUT", path, list(commands))

    async def upload(
        self, asked: Interaction, *files: bytes, named: str = "files[{}]", **body: Any
    ) -> tuple[int, Any]:
        """Edit a response with files."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body), content_type="application/json")
        for number, data in enumerate(files):
            form.add_field(named.format(number), data, filename=f"{number}.png")
        path = f"/webhooks/{self._discord.bot.id}/{asked.token}/messages/@original"
        url = self._discord.api_base + path
        async with self._web.patch(url, data=form, headers=self._headers) as response:
            answer = await response.json()
            return response.status, answer.get("code") if response.status >= 400 else answer

    async def acknowledge(self, asked: Interaction, kind: int, **data: Any) -> tuple[int, Any]:
        path = f"/interactions/{asked.id}/{asked.token}/callback"
        return await self("POST", path, {"type": kind, "data": data})

    async def edit(self, asked: Interaction, **body: Any) -> tuple[int, Any]:
        path = f"/webhooks/{self._discord.bot.id}/{asked.token}/messages/@original"
        return await self("PATCH", path, body)

    async def follow_up(self, asked: Interaction, **body: Any) -> tuple[int, Any]:
        return await self("POST", f"/webhooks/{self._discord.bot.id}/{asked.token}", body)


def button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Sí", "custom_id": "yes"} | changes


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"components": [{"type": 1, "components": list(components)}], "content": "a"}
