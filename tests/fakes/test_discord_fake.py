"""The fake Discord, driven by the real discord.py and by people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord as library
import pytest
import yarl
from discord import app_commands

from tests.fakes.discord import ORDINARY, ClientRefused, FakeDiscord, Guild, Permission, Place, User

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

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Without the five seconds that the library waits."""


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
        ready = asyncio.create_task(discord.ready(5))
        await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
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


# -- what people can do ----------------------------------------------------------------------------


async def test_a_client_refuses_what_a_command_does_not_take(world: World) -> None:
    discord, ana, general = world.discord, world.ana, world.general
    async with logged_in(discord):
        for name, options in [
            ("escribe", {}),
            ("escribe", {"frase": ""}),
            ("escribe", {"frase": "a" * 401}),
            ("escribe", {"frase": "a", "oculto": "sí"}),
            ("escribe", {"frase": "a", "tema": "b"}),
            ("borra", {}),
            ("recargar", {}),
        ]:
            with pytest.raises(ClientRefused):
                await discord.slash(ana, general, name, **options)
        stranger = discord.user("Carla")
        with pytest.raises(ClientRefused):
            await discord.slash(stranger, general, "escribe", frase="Hola")
        with pytest.raises(ClientRefused):
            await discord.slash(ana, world.guild.forum("foro"), "escribe", frase="Hola")
        message = await (await discord.slash(ana, general, "escribe", frase="a")).final(5)
        with pytest.raises(ClientRefused):
            await discord.press(ana, message, "Borrar")
    assert discord.violations == []


async def test_what_is_offered_depends_on_place_person_and_installation(world: World) -> None:
    discord, ana = world.discord, world.ana
    admin = world.guild.join(discord.user("Eva"), ORDINARY | Permission.ADMINISTRATOR)
    traveller = discord.user("Sancho", installed=True)
    elsewhere = discord.guild("Barataria", with_bot=False)
    elsewhere.join(traveller)
    elsewhere.join(ana)
    square = elsewhere.channel("plaza")
    async with logged_in(discord):
        assert set(discord.visible_commands(ana, world.general)) == {"escribe", MENU}
        assert "recargar" in discord.visible_commands(admin, world.general)
        assert set(discord.visible_commands(ana, discord.dm(ana))) == {"escribe", MENU, "recargar"}
        assert set(discord.visible_commands(ana, square)) == set()
        assert set(discord.visible_commands(traveller, square)) == {"escribe"}
        pair = discord.private_dm(traveller, ana)
        assert set(discord.visible_commands(traveller, pair)) == {"escribe"}
        assert set(discord.visible_commands(ana, pair)) == set()
        group = discord.group_dm("Trío", traveller, ana, admin)
        post = world.guild.forum("foro").post("Un cuento")
        places = [(traveller, square), (traveller, group), (traveller, pair), (ana, post)]
        for user, place in [*places, (ana, discord.dm(ana)), (ana, world.general.thread("hilo"))]:
            asked = await discord.slash(user, place, "escribe", frase="Hola")
            assert (await asked.final(5)).content == "Hola… (small)"
        forged = await discord.forge_slash(ana, world.general, "recargar")
        assert (await forged.final(5)).content == "Hecho"
    assert discord.violations == []


async def test_names_are_those_of_the_persons_language(world: World) -> None:
    class Translator(app_commands.Translator):
        async def translate(
            self, string: app_commands.locale_str, locale: library.Locale, _: Any
        ) -> str | None:
            return {"escribe": "write"}.get(string.message) if locale.value == "en-GB" else None

    class Translated(Bot):
        async def setup_hook(self) -> None:
            await self.tree.set_translator(Translator())
            await self.tree.sync()

    async with logged_in(world.discord, Translated()):
        # American English falls back to British English
        assert "write" in world.discord.visible_commands(world.blas, world.general)
        assert "escribe" in world.discord.visible_commands(world.ana, world.general)
        asked = await world.discord.slash(world.blas, world.general, "write", frase="Hola")
        assert (await asked.final(5)).content == "Hola… (small)"


async def test_only_the_one_who_asked_sees_an_ephemeral_answer(world: World) -> None:
    discord, ana, blas = world.discord, world.ana, world.blas
    async with logged_in(discord):
        asked = await discord.slash(ana, world.general, "escribe", frase="Hola", oculto=True)
        message = await asked.final(5)
        assert message.ephemeral
        assert message.visible_to(ana)
        assert not message.visible_to(blas)
        with pytest.raises(ClientRefused):
            await discord.press(blas, message, "Otra vez")
        await discord.delete(ana, message)
        assert message.deleted


# -- the gateway -----------------------------------------------------------------------------------


async def test_what_happens_while_the_line_is_cut_comes_after_the_resume(world: World) -> None:
    discord = world.discord
    async with logged_in(discord):
        session = await discord.ready(1)
        for times, cut in enumerate((discord.gateway.drop, discord.gateway.ask_to_reconnect), 1):
            cut()
            asked = await discord.slash(world.ana, world.general, "escribe", frase="Hola")
            await discord.resumed(5, times)
            assert (await asked.final(5)).content == "Hola… (small)"
        await discord.gateway.close(4000)
        await discord.resumed(5, 3)
        assert await discord.ready(1) is session
        assert len(discord.gateway.identified) == 1
    assert discord.violations == []


async def test_an_invalid_session_is_resumed_or_begun_anew(world: World) -> None:
    discord = world.discord
    async with logged_in(discord):
        first = await discord.ready(1)
        discord.gateway.invalidate(resumable=True)
        await discord.resumed(5)
        discord.gateway.invalidate(resumable=False)
        await discord.disconnected(5)
        assert await discord.ready(10) is not first
    assert discord.violations == []


async def test_privileged_intents_that_nobody_enabled_are_refused(world: World) -> None:
    with pytest.raises(library.PrivilegedIntentsRequired):
        await connect_in_vain(world.discord, Bot(intents=library.Intents.all()))
    assert ["4014" in violation for violation in world.discord.violations] == [True]


async def test_a_revoked_token_is_refused_everywhere(world: World) -> None:
    discord = world.discord

    async def lose_token() -> None:
        await discord.ready(5)
        await discord.revoke_token()

    losing = asyncio.create_task(lose_token())
    with pytest.raises(library.ConnectionClosed) as closed:
        await connect_in_vain(discord)
    await losing
    assert closed.value.code == 4004
    with pytest.raises(library.LoginFailure):
        await connect_in_vain(discord)
    assert discord.violations == []


async def connect_in_vain(discord: FakeDiscord, bot: Bot | None = None) -> None:
    """Run a bot until the fake will not have it."""
    async with logged_in(discord, bot):
        await discord.disconnected(5)
        await asyncio.sleep(0.05)


async def test_who_sends_no_heartbeats_is_closed_and_told_of() -> None:
    async with (
        FakeDiscord(heartbeat_interval=0.1) as discord,
        aiohttp.ClientSession() as web,
        web.ws_connect(discord.gateway_url) as socket,
    ):
        identity = {"token": discord.token, "intents": 0, "properties": {}}
        await socket.send_json({"op": 2, "d": identity})
        async for _ in socket:
            pass
        assert socket.close_code == 4009
        assert discord.violations == ["gateway 4009 SESSION_TIMED_OUT: no heartbeat in 0.15 s"]


async def test_connections_are_refused_for_a_while(world: World) -> None:
    discord = world.discord
    async with logged_in(discord):
        await discord.refuse_connections(0.3)
        async with aiohttp.ClientSession() as web:
            with pytest.raises(aiohttp.ClientConnectorError):
                await web.get(discord.api_base + "/gateway")
        await discord.resumed(10)
    assert discord.violations == []


async def test_malformed_events_reach_the_client(world: World) -> None:
    async with logged_in(world.discord):
        await world.discord.malformed_event("INTERACTION_CREATE", {"type": "?"})
        await world.discord.ready(5)
