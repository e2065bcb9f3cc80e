"""Faults affect the configured requests, and their consequences are no offences."""

from __future__ import annotations

import aiohttp
import discord as library
import pytest

from tests.fakes.discord.world import (
    ORIGINAL,
    Raw,
    World,
    connect_in_vain,
    logged_in,
)

pytestmark = pytest.mark.timeout(30)


async def test_client_waits_for_rate_limit(world: World) -> None:
    discord = world.discord
    fault = discord.faults.status("PATCH", ORIGINAL, 429, retry_after=0.2, times=2)
    async with logged_in(discord):
        asked = await discord.slash(world.ana, world.general, "escribe", frase="Hola")
        assert (await asked.final(5)).content == "Hola… (small)"
    assert fault.struck == 2
    assert len(discord.calls("PATCH", ORIGINAL)) == 3
    assert discord.violations == []


async def test_ignoring_rate_limit_is_offence(world: World, raw: Raw) -> None:
    asked = await world.discord.slash(world.ana, world.general, "eco")
    await raw.acknowledge(asked, 5)
    world.discord.faults.status("PATCH", ORIGINAL, 429, retry_after=30)
    await raw.edit(asked, content="a")
    await raw.edit(asked, content="a")
    assert "before the end of a rate limit" in world.discord.violations[0]


async def test_cloudflare_ban_has_no_json(world: World) -> None:
    world.discord.faults.status("GET", "/users/@me", 429, via=False)
    with pytest.raises(library.HTTPException, match="1015"):
        await connect_in_vain(world.discord)


async def test_lost_response_has_effect(world: World, raw: Raw) -> None:
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


async def test_fault_excuses_late_acknowledgement(world: World) -> None:
    discord = world.discord
    discord.interactions.acknowledge_seconds = 0.1
    discord.faults.status("POST", "/interactions/*", 500)
    async with logged_in(discord):
        asked = await discord.slash(world.ana, world.general, "escribe", frase="Hola")
        with pytest.raises(AssertionError, match="did not respond"):
            await asked.final(5)
    assert discord.violations == []
