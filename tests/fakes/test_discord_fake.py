"""The fake Discord, driven by the real discord.py and by people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord as library
import pytest
import yarl
from discord import app_commands

from tests.fakes.discord import (
    FakeDiscord,
    Guild,
    Place,
    User,
)

pytestmark = pytest.mark.timeout(30)

MENU = "Continuar con LitteraGPT"


class Bot(library.Client):
    """A small bot that is made as ours is."""

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


class Again(library.ui.View):
    """A button under an answer."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @library.ui.button(label="Otra vez", custom_id="again")
    async def again(self, interaction: library.Interaction, _button: Any) -> None:
        await interaction.response.edit_message(content="Otra cosa", view=None)


def add_commands(bot: Bot) -> None:
    """`/escribe`, `/escribe` with an autocompletion, a menu for messages, a command for admins."""

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
    """A fake with a server, a channel and two people."""

    def __init__(self, discord: FakeDiscord) -> None:
        self.discord = discord
        self.guild: Guild = discord.guild("La Mancha")
        self.general: Place = self.guild.channel("general")
        self.ana: User = self.guild.join(discord.user("Ana"))
        self.blas: User = self.guild.join(discord.user("Blas", locale="en-US"))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with FakeDiscord() as discord:
        yield World(discord)


@asynccontextmanager
async def logged_in(discord: FakeDiscord, bot: Bot | None = None) -> AsyncIterator[Bot]:
    """The bot, connected to the fake."""
    bot = bot or Bot()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library.http.Route, "BASE", discord.api_base)
        gateway = yarl.URL(discord.gateway_url)
        patch.setattr(library.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        running = asyncio.create_task(bot.start(discord.token))
        try:
            await discord.ready(5)
            yield bot
        finally:
            await bot.close()
            await running


async def test_a_command_is_deferred_and_then_answered(world: World) -> None:
    async with logged_in(world.discord):
        asked = await world.discord.slash(world.ana, world.general, "escribe", frase="Hola")
        assert await asked.acknowledged() < 1
        message = await asked.final(5)
    assert message.content == "Hola… (small)"
    assert [content for _, content in message.history] == ["Hola… (small)"]
    assert message.visible_to(world.blas)
    assert world.discord.sync_count == 1
    assert world.discord.violations == []


async def test_buttons_menus_and_completions(world: World) -> None:
    discord, ana, general = world.discord, world.ana, world.general
    async with logged_in(discord):
        asked = await discord.slash(ana, general, "escribe", frase="Hola")
        message = await asked.final(5)
        assert message.buttons == {"Otra vez": True}
        pressed = await discord.press(world.blas, message, "Otra vez")
        assert (await pressed.final(5)) is message
        assert (message.content, message.buttons) == ("Otra cosa", {})

        said = await discord.say(ana, general, "Érase una vez")
        chosen = await discord.context_menu(ana, general, MENU, said)
        assert (await chosen.final(5)).content == "Érase una vez…"

        typing = await discord.autocomplete(ana, general, "escribe", "modelo", "sm")
        assert [choice["value"] for choice in await typing.completions()] == ["small", "smart"]
    assert discord.violations == []
