"""Load: many concurrent requests."""

from __future__ import annotations

import asyncio

import pytest

from tests.bot.adapters.discord.houses import GOOD_TIME, PHRASE, House
from tests.bot.adapters.discord.reading import seen

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

MANY = 50


async def test_fifty_concurrent_requests_are_acknowledged_in_time(home: House) -> None:
    people = [home.person() for _ in range(MANY)]
    asked = [
        await home.discord.slash(person, home.channel, "escribe", frase=PHRASE) for person in people
    ]
    waited = await asyncio.gather(*(each.acknowledged() for each in asked))
    assert max(waited) < GOOD_TIME
    messages = await asyncio.gather(*(home.outcome(each, 60) for each in asked))
    assert all(seen(message).phrase == PHRASE for message in messages)
    # Different seeds.
    assert len({seen(message).text for message in messages}) == MANY
