"""Sharding: events per shard, refusals, and the limit of session starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import FakeDiscord, Guild, Place, Shard, User
from tests.fakes.discord.world import ECHO, Raw, World

pytestmark = pytest.mark.timeout(30)

READY, INVALID_SESSION = "READY", 9


class Line:
    """A gateway connection without a library."""

    def __init__(self, discord: FakeDiscord, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._discord, self._socket = discord, socket
        self.events: list[dict[str, Any]] = []

    async def identify(self, shard: object = None) -> None:
        """Send IDENTIFY."""
        data = {"token": self._discord.token, "intents": 0, "properties": {}}
        data |= {} if shard is None else {"shard": shard}
        await self._socket.send_json({"op": 2, "d": data})

    async def receive(self) -> dict[str, Any]:
        """The next frame after HELLO."""
        frame = await self._socket.receive_json(timeout=5)
        return frame if frame["op"] != 10 else await self.receive()

    async def closed(self) -> int | None:
        """Wait for the server to close; the close code."""
        async for _ in self._socket:
            pass
        return self._socket.close_code


@asynccontextmanager
async def line(discord: FakeDiscord) -> AsyncIterator[Line]:
    """A connection before IDENTIFY."""
    async with (
        aiohttp.ClientSession() as web,
        web.ws_connect(discord.gateway_url) as socket,
    ):
        yield Line(discord, socket)


def home(discord: FakeDiscord, ana: User, shard: Shard) -> tuple[Guild, Place]:
    """A guild of a shard with Ana as a member, and its channel."""
    guild = discord.guild(f"Servidor {shard.id}", shard=shard)
    guild.join(ana)
    return guild, guild.channel("general")


async def test_each_shard_gets_its_guilds_and_first_gets_the_rest(world: World, raw: Raw) -> None:
    await raw.sync(ECHO)
    discord, ana = world.discord, world.discord.user("Ana", installed=True)
    discord.guilds.clear()
    servers = [home(discord, ana, Shard(number, 2)) for number in range(2)]
    away = discord.guild("Sin bot", shard=Shard(1, 2), with_bot=False)
    away.join(ana)
    async with line(discord) as first, line(discord) as second:
        await first.identify([0, 2])
        await second.identify([1, 2])
        for each, (guild, _) in zip((first, second), servers, strict=True):
            ready = (await each.receive())["d"]
            assert ready["guilds"] == [{"id": guild.id, "unavailable": True}]
        for each, (_, channel) in zip((first, second), servers, strict=True):
            asked = await discord.slash(ana, channel, "eco")
            assert (await each.receive())["d"]["id"] == asked.id
        for each, place in ((first, discord.dm(ana)), (second, away.channel("general"))):
            asked = await discord.slash(ana, place, "eco")
            assert (await each.receive())["d"]["id"] == asked.id
    assert "shard" in ready


async def test_session_without_shards_gets_everything(world: World) -> None:
    discord = world.discord
    async with line(discord) as only:
        await only.identify()
        ready = (await only.receive())["d"]
    assert [each["id"] for each in ready["guilds"]] == [world.guild.id]
    assert "shard" not in ready


@pytest.mark.parametrize("shard", [[2, 2], [-1, 2], [0, 0], [0], "0/2", [True, 2], {"id": 0}])
async def test_refuses_invalid_shard(world: World, shard: object) -> None:
    async with line(world.discord) as strange:
        await strange.identify(shard)
        assert await strange.closed() == 4010
    assert "gateway 4010 INVALID_SHARD" in world.discord.violations[0]


async def test_refuses_too_many_guilds_per_connection(world: World) -> None:
    discord = world.discord
    discord.gateway.most_servers = 1
    home(discord, world.ana, Shard(0, 2))
    home(discord, world.ana, Shard(1, 2))
    discord.guilds.remove(world.guild)
    async with line(discord) as greedy:
        await greedy.identify()
        assert await greedy.closed() == 4011
    async with line(discord) as modest:
        await modest.identify([0, 2])
        assert (await modest.receive())["t"] == READY
    assert ["4011" in each for each in discord.violations] == [True]


async def test_one_shard_per_bucket_may_identify(world: World) -> None:
    discord, starts = world.discord, world.discord.gateway.starts
    starts.seconds, starts.concurrency = 3600.0, 2

    async def outcome(number: int) -> object:
        async with line(discord) as each:
            await each.identify([number, 4])
            frame = await each.receive()
            return frame.get("t") or frame["op"]

    assert [await outcome(number) for number in (0, 1)] == [READY, READY]
    assert [await outcome(number) for number in (2, 3)] == [INVALID_SESSION, INVALID_SESSION]
    assert starts.hurried == [Shard(2, 4), Shard(3, 4)]
    starts.seconds = 0.0  # as if they were over
    assert [await outcome(number) for number in (2, 3)] == [READY, READY]
    assert starts.left == starts.total - 6  # the hurried ones cost a start too
    assert discord.violations == []


async def test_identify_without_starts_resets_token(world: World) -> None:
    discord, starts = world.discord, world.discord.gateway.starts
    starts.end_in(60, left=1)
    async with line(discord) as first, line(discord) as second:
        await first.identify()
        assert (await first.receive())["t"] == READY
        await second.identify()
        assert await first.closed() == await second.closed() == 4004
    assert discord.faults.token_revoked
    assert ["no session start was left" in each for each in discord.violations] == [True]


async def test_start_limit_is_reported_and_ends_with_day(world: World, raw: Raw) -> None:
    discord, starts = world.discord, world.discord.gateway.starts
    starts.end_in(60, left=0)
    starts.concurrency = 16
    _, told = await raw("GET", "/gateway/bot")
    assert told["shards"] == 1
    limit = told["session_start_limit"]
    assert limit["remaining"] == 0
    assert 0 < limit["reset_after"] <= 60_000
    assert limit["max_concurrency"] == 16
    starts.end_in(0, left=0)
    discord.recommended_shards = 3
    _, told = await raw("GET", "/gateway/bot")
    assert told["shards"] == 3
    assert told["session_start_limit"]["remaining"] == 1000


async def test_one_shard_becomes_unreachable(world: World) -> None:
    discord = world.discord
    async with line(discord) as first, line(discord) as second:
        await first.identify([0, 2])
        await second.identify([1, 2])
        await discord.ready(5, shards=2)
        discord.gateway.unreachable.add(1)
        discord.gateway.drop(shard=1)
        await second.closed()
        assert [session.shard.id for session in discord.gateway.listening] == [0]
        async with line(discord) as again:
            await again.identify([1, 2])
            assert await again.closed() == 1006
        discord.gateway.unreachable.clear()
        async with line(discord) as again:
            await again.identify([1, 2])
            assert (await again.receive())["t"] == READY
    assert discord.violations == []


async def test_start_limit_requires_token(world: World, raw: Raw) -> None:
    assert await raw("GET", "/gateway/bot", Authorization="Bot wrong") == (401, 0)
    assert len(world.discord.violations) == 1
