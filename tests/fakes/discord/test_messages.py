"""Records about messages: pings, previews and versions."""

from __future__ import annotations

import io
from typing import Any

import discord as library
import pytest

from tests.fakes.discord import ORDINARY, Permission
from tests.fakes.discord.world import (
    Raw,
    World,
    logged_in,
)

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(
    ("allowed", "pings"),
    [
        ({}, {"@Blas"}),
        ({"allowed_mentions": {"parse": []}}, set()),
        ({"allowed_mentions": {"parse": ["everyone", "roles"]}}, {"@everyone", "@&editores"}),
        ({"allowed_mentions": {"users": []}}, set()),
    ],
)
async def test_message_pings(
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


async def test_link_previews(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 4, content="http://a.es <http://b.es> `http://c.es`")
    message = await asked.final(1)
    assert message.previews == ["http://a.es"]
    await raw.edit(asked, flags=4)
    assert message.previews == []


async def test_edit_keeps_or_drops_files(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    about = [{"id": 1, "filename": "dos.png", "description": "Dos"}, {"id": 0}]
    await raw.upload(asked, b"uno", b"dos", attachments=about)
    message = await asked.final(1)
    assert [(file.filename, file.data, file.description) for file in message.files] == [
        ("dos.png", b"dos", "Dos"),
        ("0.png", b"uno", ""),
    ]
    await raw.edit(asked, content="a")
    await raw.upload(asked, b"tres")
    assert [file.data for file in message.files] == [b"dos", b"uno", b"tres"]
    kept = [{"id": file.id} for file in message.files[1:2]]
    _, shown = await raw.edit(asked, attachments=kept)
    assert [file.data for file in message.files] == [b"uno"]
    assert [each["filename"] for each in shown["attachments"]] == ["0.png"]
    assert world.discord.violations == []


async def test_accepts_uploads_of_library(world: World) -> None:
    async with logged_in(world.discord) as bot:

        @bot.event
        async def on_interaction(interaction: library.Interaction) -> None:
            file = library.File(io.BytesIO(b"png"), "a.png", description="Una")
            await interaction.response.send_message(file=file)

        said = await world.discord.say(world.ana, world.general, "a")
        asked = await world.discord.forge_press(world.ana, said, "nobody")
        message = await asked.final(2)
        assert [(file.filename, file.description) for file in message.files] == [("a.png", "Una")]
    assert world.discord.violations == []


async def test_message_keeps_versions(world: World, raw: Raw) -> None:
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
