"""A world per test, and a raw client without a library."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.world import ECHO, Raw, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with FakeDiscord() as discord:
        yield World(discord)


@pytest.fixture
async def raw(world: World) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as web:
        client = Raw(world.discord, web)
        await client.sync(ECHO)
        yield client
