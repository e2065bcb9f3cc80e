"""Each rule of the fake detects its offence."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import discord as library
import pytest

from tests.fakes.discord.world import (
    ECHO,
    Bot,
    Raw,
    World,
    button,
    logged_in,
    row,
)

pytestmark = pytest.mark.timeout(30)


V2 = 1 << 15
OPTION = {"name": "frase", "description": "a", "type": 3}


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
async def test_refuses_invalid_messages(
    world: World, raw: Raw, body: dict[str, Any], named: str
) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.acknowledge(asked, 4, **body) == (400, 50035)
    [violation] = world.discord.violations
    assert "/callback: 400 50035 Invalid Form Body" in violation
    assert named in violation


@pytest.mark.parametrize(
    ("files", "how", "code"),
    [
        (1, {"attachments": [{"id": 1}]}, 50035),
        (1, {"attachments": [{"filename": "a.png"}]}, 50035),
        (1, {"attachments": [{"id": 0, "description": "a" * 1025}]}, 50035),
        (1, {"attachments": [{"id": 0, "filename": ""}]}, 50035),
        (11, {"content": "a"}, 50035),
        (1, {"content": "a", "named": "files%5B{}%5D"}, 50035),
        (1, {"attachments": []}, 50006),
    ],
)
async def test_refuses_invalid_files(
    world: World, raw: Raw, files: int, how: dict[str, Any], code: int
) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    assert await raw.upload(asked, *[b"png"] * files, **how) == (400, code)
    assert len(world.discord.violations) == 1
    assert (await raw.upload(asked, b"png", attachments=[{"id": 0}]))[0] == 200
    assert len(world.discord.violations) == 1


async def test_limits_files_to_ten_megabytes(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    assert await raw.upload(asked, b"0" * (10 * 1024 * 1024 + 1)) == (413, 40005)
    assert "40005 Request entity too large" in world.discord.violations[0]


async def test_refuses_empty_message(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.acknowledge(asked, 4, content="") == (400, 50006)
    assert (await raw.acknowledge(asked, 5))[0] == 204
    assert await raw.edit(asked, content="") == (400, 50006)
    assert len(world.discord.violations) == 2


async def test_interaction_is_acknowledged_once_by_permitted_type(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    assert await raw.edit(asked, content="a") == (404, 10015)
    for unfitting in (1, 6, 7, 8):
        assert await raw.acknowledge(asked, unfitting) == (400, 50035)
    assert (await raw.acknowledge(asked, 5))[0] == 204
    assert await raw.acknowledge(asked, 4, content="a") == (400, 40060)
    assert len(world.discord.violations) == 6


async def test_refuses_late_acknowledgement(world: World) -> None:
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


async def test_disconnected_client_is_excused(world: World, raw: Raw) -> None:
    world.discord.interactions.acknowledge_seconds = 0.05
    asked = await world.discord.slash(world.ana, world.general, "eco")
    with pytest.raises(AssertionError, match="did not respond"):
        await asked.final(1)
    assert world.discord.violations == []
    assert await raw.acknowledge(asked, 5) == (404, 10062)
    assert await raw.follow_up(asked, content="a") == (404, 10015)


async def test_token_expires_after_fifteen_minutes(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    asked.expire()
    assert await raw.edit(asked, content="a") == (401, 50027)


async def test_first_followup_replaces_deferred_message(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5, flags=64)
    await raw.follow_up(asked, content="a")
    message = await asked.final(1)
    assert (message.content, message.ephemeral, message is asked.original) == ("a", True, True)
    assert asked.followups == []


async def test_user_install_has_five_followups(world: World, raw: Raw) -> None:
    sancho = world.discord.user("Sancho", installed=True)
    square = world.discord.guild("Barataria", owner=sancho, with_bot=False).channel("plaza")
    asked = await world.discord.slash(sancho, square, "eco")
    await raw.acknowledge(asked, 4, content="a")
    statuses = [(await raw.follow_up(asked, content="b"))[0] for _ in range(6)]
    assert statuses == [200] * 5 + [400]


async def test_limits_autocompletion_to_25_choices(world: World, raw: Raw) -> None:
    option = {"name": "modelo", "description": "a", "type": 3, "autocomplete": True}
    await raw.sync(ECHO | {"options": [option]})
    typing = await world.discord.autocomplete(world.ana, world.general, "eco", "modelo", "a")
    choices = [{"name": str(n), "value": str(n)} for n in range(26)]
    assert await raw.acknowledge(typing, 8, choices=choices) == (400, 50035)
    assert await raw.acknowledge(typing, 8, choices=choices[:25]) == (204, None)
    assert len(await typing.completions()) == 25


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
async def test_refuses_invalid_commands(
    world: World, raw: Raw, changes: dict[str, Any], named: str
) -> None:
    assert await raw.sync(ECHO | changes) == (400, 50035)
    assert named in world.discord.violations[0]
    assert set(world.discord.commands()) == {"eco"}


async def test_detects_duplicate_commands(world: World, raw: Raw) -> None:
    assert await raw.sync(ECHO, ECHO) == (400, 50035)
    localized = {"name": "echo", "name_localizations": {"es-ES": "eco"}}
    assert await raw.sync(ECHO, ECHO | localized) == (400, 50035)
    assert (await raw.sync(ECHO, guild=world.guild))[0] == 200
    assert "shown twice" in world.discord.violations[-1]


async def test_adds_changes_and_removes_single_commands(world: World, raw: Raw) -> None:
    discord = world.discord
    path = f"/applications/{discord.bot.id}/commands"
    assert (await raw("POST", path, ECHO))[0] == 200
    status, added = await raw("POST", path, ECHO | {"name": "coro"})
    assert (status, set(discord.commands())) == (201, {"eco", "coro"})
    status, changed = await raw("PATCH", f"{path}/{added['id']}", {"description": "Canta"})
    assert (status, changed["id"], changed["description"]) == (200, added["id"], "Canta")
    assert (await raw("DELETE", f"{path}/{added['id']}"))[0] == 204
    assert await raw("GET", f"{path}/{added['id']}") == (404, 10063)
    assert set(discord.commands()) == {"eco"}
    assert len(discord.violations) == 1


async def test_malformed_body_is_offence(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    with pytest.raises(aiohttp.ContentTypeError):
        await raw.acknowledge(asked, 4, embeds=["a"])
    assert "cannot be understood" in world.discord.violations[0]


async def test_bot_routes_require_token(world: World, raw: Raw) -> None:
    assert await raw("GET", "/users/@me", Authorization="Bot wrong") == (401, 0)
    assert await raw("GET", "/users/@you") == (404, 0)
    assert len(world.discord.violations) == 2
