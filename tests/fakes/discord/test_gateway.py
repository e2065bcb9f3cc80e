"""Gateway connections: lost, resumed, refused."""

from __future__ import annotations

import asyncio

import aiohttp
import discord as library
import pytest

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.world import (
    Bot,
    World,
    connect_in_vain,
    logged_in,
)

pytestmark = pytest.mark.timeout(30)


async def test_resume_delivers_missed_events(world: World) -> None:
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


async def test_invalid_session_is_resumed_or_replaced(world: World) -> None:
    discord = world.discord
    async with logged_in(discord):
        first = await discord.ready(1)
        discord.gateway.invalidate(resumable=True)
        await discord.resumed(5)
        discord.gateway.invalidate(resumable=False)
        await discord.disconnected(5)
        assert await discord.ready(10) is not first
    assert discord.violations == []


async def test_refuses_disabled_privileged_intents(world: World) -> None:
    with pytest.raises(library.PrivilegedIntentsRequired):
        await connect_in_vain(world.discord, Bot(intents=library.Intents.all()))
    assert ["4014" in violation for violation in world.discord.violations] == [True]


async def test_revoked_token_is_refused_everywhere(world: World) -> None:
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


async def test_closes_connection_without_heartbeats() -> None:
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


async def test_client_resumes_without_heartbeat_acknowledgements() -> None:
    async with (
        FakeDiscord(heartbeat_interval=0.1) as discord,
        logged_in(discord, Bot(heartbeat_timeout=0.3)),
    ):
        discord.gateway.acknowledging = False
        await discord.resumed(5)
        discord.gateway.acknowledging = True
    assert discord.violations == []


async def test_refuses_connections_for_a_while(world: World) -> None:
    discord = world.discord
    async with logged_in(discord):
        await discord.refuse_connections(0.3)
        async with aiohttp.ClientSession() as web:
            with pytest.raises(aiohttp.ClientConnectorError):
                await web.get(discord.api_base + "/gateway")
        await discord.resumed(10)
    assert discord.violations == []


async def test_malformed_event_ends_naive_client(world: World) -> None:
    async def suffer() -> None:
        async with logged_in(world.discord):
            await world.discord.malformed_event("INTERACTION_CREATE", {"type": "?"})
            await asyncio.sleep(0.1)

    with pytest.raises(KeyError):
        await suffer()
