"""Users' actions reach the real discord.py, and its responses reach users."""

from __future__ import annotations

from typing import Any

import discord as library
import pytest
from discord import app_commands

from tests.fakes.discord import ORDINARY, ClientRefused, FakeDiscord, Permission
from tests.fakes.discord.world import (
    MENU,
    Bot,
    Raw,
    World,
    button,
    logged_in,
    row,
)

pytestmark = pytest.mark.timeout(30)


async def test_command_is_deferred_then_answered(world: World) -> None:
    async with logged_in(world.discord):
        asked = await world.discord.slash(world.ana, world.general, "escribe", frase="Hola")
        assert await asked.acknowledged() < 1
        message = await asked.final(5)
    assert message.content == "Hola… (small)"
    assert [content for _, content in message.history] == ["Hola… (small)"]
    assert message.visible_to(world.blas)
    assert world.discord.sync_count == 1
    assert world.discord.violations == []


async def test_buttons_menus_and_autocompletion(world: World) -> None:
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


async def test_client_refuses_invalid_options(world: World) -> None:
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


async def test_visibility_depends_on_place_user_and_installation(world: World) -> None:
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


async def test_names_are_localized(world: World) -> None:
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


async def test_ephemeral_response_is_visible_to_its_user_only(world: World) -> None:
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


async def test_modal_submission(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    field = {"type": 4, "custom_id": "phrase", "label": "Frase", "style": 1, "max_length": 5}
    rows = [{"type": 1, "components": [field]}]
    assert (await raw.acknowledge(asked, 9, custom_id="m", title="T", components=rows))[0] == 204
    with pytest.raises(ClientRefused):
        await world.discord.submit(asked, phrase="demasiado")
    sent = await world.discord.submit(asked, Frase="Hola")
    assert sent.data["components"][0]["components"][0]["value"] == "Hola"
    assert (await raw.acknowledge(sent, 4, content="a"))[0] == 204


async def test_deferred_update_ends_with_edit(world: World, raw: Raw) -> None:
    discord, ana = world.discord, world.ana
    asked = await discord.slash(ana, world.general, "eco")
    await raw.acknowledge(asked, 4, **row(button()))
    message = await asked.final(1)
    pressed = await discord.press(ana, message, "Sí")
    await raw.acknowledge(pressed, 6)
    with pytest.raises(AssertionError, match="no answer"):
        await pressed.final(0.05)
    await raw.edit(pressed, content="b", components=[])
    assert (await pressed.final(1)) is message
    assert message.content == "b"
    assert discord.violations == []


async def test_response_outlives_process_that_deferred_it(world: World, raw: Raw) -> None:
    discord = world.discord
    asked = await discord.slash(world.ana, world.general, "eco")
    path = f"/interactions/{asked.id}/{asked.token}/callback?with_response=1"
    _, response = await raw("POST", path, {"type": 5})
    message_id = int(response["interaction"]["response_message_id"])
    async with logged_in(discord) as bot:
        hook = library.Webhook.partial(int(discord.bot.id), asked.token, client=bot)
        await hook.edit_message(message_id, content="Al fin")
    assert (await asked.final(1)).content == "Al fin"
    assert discord.violations == []


async def test_intents_deliver_guilds_channels_and_messages() -> None:
    async with FakeDiscord(privileged=1 << 15) as discord:
        world = World(discord)
        world.general.thread("hilo")
        world.guild.forum("foro").post("Un cuento")
        world.guild.role("editores")

        class Reader(Bot):
            async def on_message(self, message: library.Message) -> None:
                if not message.author.bot:
                    await message.reply(f"{message.guild} {message.channel}: {message.content}")

        intents = library.Intents(guilds=True, guild_messages=True, message_content=True)
        async with logged_in(discord, Reader(intents=intents)) as bot:
            await bot.wait_until_ready()
            [guild] = bot.guilds
            assert [channel.name for channel in guild.channels] == ["general", "foro"]
            assert {thread.name for thread in guild.threads} == {"hilo", "Un cuento"}
            later = world.guild.channel("nuevo")
            await discord.say(world.ana, later, "Hola")
            reply = await discord.message(lambda m: m.author.bot, 5)
            assert reply.content == "La Mancha nuevo: Hola"
    assert discord.violations == []
