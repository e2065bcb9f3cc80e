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
from tests.fakes.discord.interactions import Interaction

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


async def test_intents_bring_servers_channels_and_messages() -> None:
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


async def test_a_deferred_update_ends_with_the_edit_of_its_message(world: World, raw: Raw) -> None:
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


async def test_an_answer_outlives_the_process_that_deferred_it(world: World, raw: Raw) -> None:
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


# -- strictness ------------------------------------------------------------------------------------

ECHO = {"name": "eco", "description": "Repite", "integration_types": [0, 1]}


class Raw:
    """A client without a library, which can do everything wrong."""

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
        """The status and the error code or the body."""
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

    async def acknowledge(self, asked: Interaction, kind: int, **data: Any) -> tuple[int, Any]:
        path = f"/interactions/{asked.id}/{asked.token}/callback"
        return await self("POST", path, {"type": kind, "data": data})

    async def edit(self, asked: Interaction, **body: Any) -> tuple[int, Any]:
        path = f"/webhooks/{self._discord.bot.id}/{asked.token}/messages/@original"
        return await self("PATCH", path, body)

    async def follow_up(self, asked: Interaction, **body: Any) -> tuple[int, Any]:
        return await self("POST", f"/webhooks/{self._discord.bot.id}/{asked.token}", body)


@pytest.fixture
async def raw(world: World) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as web:
        client = Raw(world.discord, web)
        await client.sync(ECHO)
        yield client


def button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Sí", "custom_id": "yes"} | changes


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"components": [{"type": 1, "components": list(components)}], "content": "a"}


V2 = 1 << 15


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"content": "a" * 2001}, "content"),
        ({"embeds": [{"description": "a" * 4097}]}, "description"),
        ({"embeds": [{"description": "a" * 3001}] * 2}, "MAX_EMBED_SIZE_EXCEEDED"),
        ({"embeds": [{"title": "a"}] * 11}, "embeds"),
        (row(button(custom_id="a" * 101)), "custom_id"),
        (row(button(label="a" * 81)), "label"),
        (row(button(label=None)), "BUTTON_COMPONENT_INVALID"),
        (row(button(style=5)), "BUTTON_COMPONENT_INVALID"),
        (row(button(), button()), "COMPONENT_CUSTOM_ID_DUPLICATED"),
        (row(*[button(custom_id=str(n)) for n in range(6)]), "components"),
        ({"components": [button()], "content": "a"}, "UNION_TYPE_CHOICES"),
        ({"components": [{"type": 10, "content": "a"}]}, "UNION_TYPE_CHOICES"),
        ({"flags": V2, "content": "a"}, "LEGACY_FIELDS"),
        ({"flags": V2, "components": [{"type": 10, "content": "a" * 4001}]}, "4000"),
        ({"content": "a", "allowed_mentions": {"parse": ["all"]}}, "parse"),
        ({"content": "a", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "exclusive"),
        ({"content": "a", "flags": 1 << 7}, "flags"),
    ],
)
async def test_messages_that_discord_does_not_take(
    world: World, raw: Raw, body: dict[str, Any], named: str
) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.acknowledge(asked, 4, **body) == (400, 50035)
    [violation] = world.discord.violations
    assert "/callback: 400 50035 Invalid Form Body" in violation
    assert named in violation


async def test_an_empty_message_is_none(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.acknowledge(asked, 4, content="") == (400, 50006)
    assert (await raw.acknowledge(asked, 5))[0] == 204
    assert await raw.edit(asked, content="") == (400, 50006)
    assert len(world.discord.violations) == 2


async def test_an_interaction_is_acknowledged_once_and_as_it_can_be(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.edit(asked, content="a") == (404, 10015)
    for unfitting in (1, 6, 7, 8):
        assert await raw.acknowledge(asked, unfitting) == (400, 50035)
    assert (await raw.acknowledge(asked, 5))[0] == 204
    assert await raw.acknowledge(asked, 4, content="a") == (400, 40060)
    assert len(world.discord.violations) == 6


async def test_late_acknowledgements_are_for_nobody(world: World) -> None:
    class Sleepy(Bot):
        async def on_interaction(self, interaction: library.Interaction) -> None:
            if interaction.command is None:
                await asyncio.sleep(0.15)
                with pytest.raises(library.NotFound) as refused:
                    await interaction.response.defer()
                self.lost.append(str(refused.value.code))

    discord = world.discord
    discord.interactions.acknowledge_seconds = 0.1
    async with logged_in(discord, Sleepy()) as bot:
        said = await discord.say(world.ana, world.general, "a")
        asked = await discord.forge_press(world.ana, said, "nobody")
        with pytest.raises(AssertionError, match="did not respond"):
            await asked.acknowledged()
        await asyncio.sleep(0.2)
        assert bot.lost == ["10062"]
    assert "not acknowledged in 0.1 s" in discord.violations[0]
    assert "10062 Unknown interaction" in discord.violations[1]


async def test_a_client_that_is_gone_does_not_offend(world: World, raw: Raw) -> None:
    world.discord.interactions.acknowledge_seconds = 0.05
    asked = await world.discord.slash(world.ana, world.general, "eco")
    with pytest.raises(AssertionError, match="did not respond"):
        await asked.final(1)
    assert world.discord.violations == []
    assert await raw.acknowledge(asked, 5) == (404, 10062)
    assert await raw.follow_up(asked, content="a") == (404, 10015)


async def test_a_token_lives_fifteen_minutes(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    asked.expire()
    assert await raw.edit(asked, content="a") == (401, 50027)


async def test_the_first_followup_fills_what_was_deferred(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5, flags=64)
    await raw.follow_up(asked, content="a")
    message = await asked.final(1)
    assert (message.content, message.ephemeral, message is asked.original) == ("a", True, True)
    assert asked.followups == []


async def test_without_the_bot_in_the_server_five_followups_are_all(world: World, raw: Raw) -> None:
    sancho = world.discord.user("Sancho", installed=True)
    square = world.discord.guild("Barataria", owner=sancho, with_bot=False).channel("plaza")
    asked = await world.discord.slash(sancho, square, "eco")
    await raw.acknowledge(asked, 4, content="a")
    statuses = [(await raw.follow_up(asked, content="b"))[0] for _ in range(6)]
    assert statuses == [200] * 5 + [400]


async def test_completions_have_twenty_five_choices_at_most(world: World, raw: Raw) -> None:
    option = {"name": "modelo", "description": "a", "type": 3, "autocomplete": True}
    await raw.sync(ECHO | {"options": [option]})
    typing = await world.discord.autocomplete(world.ana, world.general, "eco", "modelo", "a")
    choices = [{"name": str(n), "value": str(n)} for n in range(26)]
    assert await raw.acknowledge(typing, 8, choices=choices) == (400, 50035)
    assert await raw.acknowledge(typing, 8, choices=choices[:25]) == (204, None)
    assert len(await typing.completions()) == 25


OPTION = {"name": "frase", "description": "a", "type": 3}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "Eco"}, "INVALID_NAME"),
        ({"name": "dos palabras"}, "INVALID_NAME"),
        ({"name": "a" * 33}, "name"),
        ({"description": ""}, "description"),
        ({"description": "a" * 101}, "description"),
        ({"name_localizations": {"es": "eco"}}, "es is no locale"),
        ({"name_localizations": {"es-ES": "Eco"}}, "INVALID_NAME"),
        ({"description_localizations": {"es-ES": "a" * 101}}, "description_localizations"),
        ({"options": [OPTION, OPTION | {"name": "b", "required": True}]}, "REQUIRED_INVALID"),
        ({"options": [OPTION, OPTION]}, "unique"),
        ({"options": [OPTION | {"max_length": 6001}]}, "max_length"),
        ({"options": [OPTION | {"choices": [{"name": "a", "value": "a"}] * 26}]}, "choices"),
        ({"options": [OPTION | {"name": f"o{n}"} for n in range(26)]}, "options"),
        ({"contexts": [3]}, "contexts"),
        (
            {
                "options": [
                    {"name": f"s{n}", "description": "d" * 100, "type": 1}
                    | {"options": [OPTION | {"name": f"o{m}"} for m in range(25)]}
                    | {"options": [OPTION | {"description": "d" * 100}] * 1}
                    | {
                        "options": [
                            OPTION | {"description": "d" * 100, "name": f"o{m}"} for m in range(9)
                        ]
                    }
                    for n in range(9)
                ]
            },
            "TOO_LARGE",
        ),
    ],
)
async def test_commands_that_discord_does_not_take(
    world: World, raw: Raw, changes: dict[str, Any], named: str
) -> None:
    assert await raw.sync(ECHO | changes) == (400, 50035)
    assert named in world.discord.violations[0]
    assert set(world.discord.commands()) == {"eco"}


async def test_commands_that_people_would_see_twice(world: World, raw: Raw) -> None:
    assert await raw.sync(ECHO, ECHO) == (400, 50035)
    localized = {"name": "echo", "name_localizations": {"es-ES": "eco"}}
    assert await raw.sync(ECHO, ECHO | localized) == (400, 50035)
    assert (await raw.sync(ECHO, guild=world.guild))[0] == 200
    assert "shown twice" in world.discord.violations[-1]


async def test_bot_routes_want_the_bots_token(world: World, raw: Raw) -> None:
    assert await raw("GET", "/users/@me", Authorization="Bot wrong") == (401, 0)
    assert await raw("GET", "/users/@you") == (404, 0)
    assert len(world.discord.violations) == 2


# -- what messages do ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "pings"),
    [
        ({}, {"@Blas"}),
        ({"allowed_mentions": {"parse": []}}, set()),
        ({"allowed_mentions": {"parse": ["everyone", "roles"]}}, {"@everyone", "@&editores"}),
        ({"allowed_mentions": {"users": []}}, set()),
    ],
)
async def test_whom_a_message_pings(
    world: World, raw: Raw, allowed: dict[str, Any], pings: set[str]
) -> None:
    role = world.guild.role("editores")
    world.guild.join(world.discord.bot, ORDINARY | Permission.MENTION_EVERYONE)
    content = f"{world.blas.mention} @everyone {role.mention} `{world.ana.mention}`"
    for defer in (False, True):
        asked = await world.discord.slash(world.ana, world.general, "eco")
        if defer:
            await raw.acknowledge(asked, 5)
            await raw.edit(asked, content=content, **allowed)
        else:
            await raw.acknowledge(asked, 4, content=content, **allowed)
        assert (await asked.final(1)).pings == pings
    assert world.discord.violations == []


async def test_which_links_unfold(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 4, content="http://a.es <http://b.es> `http://c.es`")
    message = await asked.final(1)
    assert message.previews == ["http://a.es"]
    await raw.edit(asked, flags=4)
    assert message.previews == []


async def test_a_message_remembers_what_it_was(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    for content in ("uno", "uno dos", "uno dos tres"):
        await raw.edit(asked, content=content)
    message = await (await asked.final(1)).until(lambda m: "tres" in m.content, 1)
    assert [content for _, content in message.history] == ["uno", "uno dos", "uno dos tres"]
    assert await message.settled(0.05, 1) is message
    await raw("DELETE", f"/channels/{world.general.id}/messages/{message.id}")
    assert message.deleted
    assert await raw.edit(asked, content="a") == (404, 10008)
    assert world.discord.violations == []


async def test_a_modal_is_filled_in(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    field = {"type": 4, "custom_id": "phrase", "label": "Frase", "style": 1, "max_length": 5}
    rows = [{"type": 1, "components": [field]}]
    assert (await raw.acknowledge(asked, 9, custom_id="m", title="T", components=rows))[0] == 204
    with pytest.raises(ClientRefused):
        await world.discord.submit(asked, phrase="demasiado")
    sent = await world.discord.submit(asked, Frase="Hola")
    assert sent.data["components"][0]["components"][0]["value"] == "Hola"
    assert (await raw.acknowledge(sent, 4, content="a"))[0] == 204


# -- faults ----------------------------------------------------------------------------------------

ORIGINAL = "/webhooks/*/messages/@original"


async def test_a_rate_limit_is_waited_for(world: World) -> None:
    discord = world.discord
    fault = discord.faults.status("PATCH", ORIGINAL, 429, retry_after=0.2, times=2)
    async with logged_in(discord):
        asked = await discord.slash(world.ana, world.general, "escribe", frase="Hola")
        assert (await asked.final(5)).content == "Hola… (small)"
    assert fault.struck == 2
    assert [call.method for call in discord.rest.calls].count("PATCH") == 3
    assert discord.violations == []


async def test_impatience_under_a_rate_limit_is_an_offence(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    world.discord.faults.status("PATCH", ORIGINAL, 429, retry_after=30)
    await raw.edit(asked, content="a")
    await raw.edit(asked, content="a")
    assert "before the end of a rate limit" in world.discord.violations[0]


async def test_cloudflares_limit_has_no_json(world: World) -> None:
    world.discord.faults.status("GET", "/users/@me", 429, via=False)
    with pytest.raises(library.HTTPException, match="1015"):
        await connect_in_vain(world.discord)


async def test_a_lost_answer_has_had_its_effect(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    world.discord.faults.slow("PATCH", ORIGINAL, 0.1)
    world.discord.faults.reset("PATCH", ORIGINAL)
    world.discord.faults.reset("PATCH", ORIGINAL, after_effect=True)
    world.discord.faults.status("PATCH", ORIGINAL, 502)
    with pytest.raises(aiohttp.ClientError):
        await raw.edit(asked, content="uno")
    assert asked.original is not None
    assert asked.original.thinking
    with pytest.raises(aiohttp.ClientError):
        await raw.edit(asked, content="dos")
    assert asked.original.content == "dos"
    with pytest.raises(aiohttp.ContentTypeError):
        await raw.edit(asked, content="tres")
    assert (await raw.edit(asked, content="cuatro"))[0] == 200
    assert world.discord.violations == []


async def test_who_is_kept_from_acknowledging_does_not_offend(world: World) -> None:
    discord = world.discord
    discord.interactions.acknowledge_seconds = 0.1
    discord.faults.status("POST", "/interactions/*", 500)
    async with logged_in(discord):
        asked = await discord.slash(world.ana, world.general, "escribe", frase="Hola")
        with pytest.raises(AssertionError, match="did not respond"):
            await asked.final(5)
    assert discord.violations == []
