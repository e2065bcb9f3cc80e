"""When sessions may begin, against a Discord that counts them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from bot.adapters.discord import starts
from bot.adapters.discord.layout import Layout, layout_of
from bot.adapters.discord.starts import Starts, ask_limits, seconds_to_turn
from bot.net.platform_api import UnreachableError
from bot.requests.connection import Connection
from bot.requests.platform import RefusedError
from bot.settings.settings import Settings, load_settings
from tests.fakes.discord import FakeDiscord

pytestmark = pytest.mark.timeout(30)

SPACING = 0.1
Make = Callable[[Layout], Awaitable[Starts]]


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as discord:
        yield discord


@pytest.fixture
def settings(discord: FakeDiscord) -> Settings:
    return load_settings(DISCORD_TOKEN=discord.token, DISCORD_API_BASE=discord.api_base)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def connection() -> Connection:
    return Connection(total=1)


@pytest.fixture
async def make(
    settings: Settings,
    session: aiohttp.ClientSession,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> Make:
    monkeypatch.setattr(starts, "SPACING", SPACING)
    monkeypatch.setattr(starts, "TURN_SECONDS", SPACING)

    async def made(layout: Layout) -> Starts:
        limits = await ask_limits(session, settings)
        return Starts(session, settings, layout, limits, connection)

    return made


def all_of(count: int) -> Layout:
    return Layout(tuple(range(count)), count, automatic=True)


async def begin(starts: Starts, shard: int) -> float:
    """Begin a session that is taken; when, by the loop's clock."""
    turn = await starts.turn(shard)
    moment = asyncio.get_running_loop().time()
    turn.identified()
    starts.settled(shard)
    return moment


async def closed(connection: Connection) -> None:
    """Wait until Discord lets nobody begin."""
    while not connection.closed_for:  # noqa: ASYNC110 (nobody tells of it)
        await asyncio.sleep(0.01)


async def test_shards_of_a_bucket_begin_one_after_the_other(
    discord: FakeDiscord, make: Make
) -> None:
    discord.gateway.starts.concurrency = 2
    ours = await make(all_of(4))
    moments = await asyncio.gather(*(begin(ours, shard) for shard in range(4)))
    assert moments[2] - moments[0] >= SPACING
    assert moments[3] - moments[1] >= SPACING


async def test_one_that_does_not_come_so_far_holds_up_nobody(
    discord: FakeDiscord, make: Make
) -> None:
    discord.gateway.starts.concurrency = 2
    ours = await make(all_of(3))
    turn = await ours.turn(0)
    await begin(ours, 1)
    third = asyncio.create_task(begin(ours, 2))
    await asyncio.sleep(0.01)
    assert not third.done()
    turn.leave()
    turn.leave()
    await third


async def test_who_is_not_taken_tries_more_and_more_seldom(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "LONGEST_DELAY", 4 * SPACING)
    ours, clock = await make(all_of(1)), asyncio.get_running_loop().time
    moments = []
    for _ in range(5):
        turn = await ours.turn(0)
        moments.append(clock())
        turn.identified()
    waits = [later - earlier for earlier, later in itertools.pairwise(moments)]
    for wait, least in zip(waits, (1, 1, 3, 4), strict=True):
        assert wait >= least * SPACING * 0.99
    ours.settled(0)
    await begin(ours, 0)
    assert ours._wait_again(0, 1, ours._buckets[0]) <= SPACING


async def test_who_meets_another_process_waits_for_the_turn_of_its_own(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "TURN_SECONDS", 50.0)
    ours = await make(Layout((1,), 2, automatic=False))
    turn = await ours.turn(1)
    turn.identified()
    now = time.time()
    wait = ours._wait_again(1, 1, ours._buckets[0])
    assert wait >= SPACING * 0.9
    assert (now + wait) % 100 == pytest.approx(50, abs=5), "not the second of two turns"


@pytest.mark.parametrize("concurrency", [1, 3, 16])
@pytest.mark.parametrize("now", [0.0, 5.9, 1_764_000_000.0])
def test_turns_by_the_clock_fall_apart_in_each_bucket(concurrency: int, now: float) -> None:
    layout = all_of(16)
    cycle = starts.TURN_SECONDS * -(-layout.count // concurrency)
    turns = {shard: seconds_to_turn(shard, layout, concurrency, now) for shard in layout.numbers}
    assert all(0 <= wait < cycle for wait in turns.values())
    for shard, wait in turns.items():
        others = [turns[n] for n in turns if n != shard and (n - shard) % concurrency == 0]
        apart = [min((wait - n) % cycle, (n - wait) % cycle) for n in others]
        assert all(each >= starts.TURN_SECONDS * 0.99 for each in apart)
    later = seconds_to_turn(3, layout, concurrency, now + turns[3] / 2)
    assert later == pytest.approx(turns[3] / 2, abs=1e-3)


async def test_when_none_is_left_the_next_day_is_waited_for(
    discord: FakeDiscord, make: Make, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    discord.gateway.starts.end_in(0.5, left=1)
    ours = await make(all_of(2))
    await begin(ours, 0)
    second = asyncio.create_task(begin(ours, 1))
    await closed(connection)
    assert not second.done()
    await second
    assert "Discord takes no more sessions today; waiting 1 s" in caplog.text
    assert discord.gateway.starts.payload()["remaining"] == 1000
    assert connection.closed_for == 0


async def test_as_many_are_left_to_other_processes_as_they_have_shards(
    discord: FakeDiscord, make: Make, connection: Connection
) -> None:
    discord.gateway.starts.end_in(60, left=4)
    ours = await make(Layout((0, 1), 4, automatic=False))
    await begin(ours, 0)
    await begin(ours, 0)
    third = asyncio.create_task(begin(ours, 1))
    await closed(connection)
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    assert third.cancelled()


async def test_a_discord_that_does_not_say_is_no_hindrance_unless_nothing_is_known(
    discord: FakeDiscord,
    make: Make,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = await make(all_of(1))
    monkeypatch.setattr(starts, "FRESH_SECONDS", 0.0)
    discord.faults.status("GET", "/gateway/bot", 503, times=100)
    await begin(ours, 0)
    discord.faults.clear()
    discord.gateway.starts.end_in(2, left=0)
    waiting = asyncio.create_task(begin(ours, 0))
    await closed(connection)
    discord.faults.status("GET", "/gateway/bot", 503, times=100)
    with pytest.raises(UnreachableError, match="503"):
        await waiting


async def test_a_token_that_is_not_known_is_refused(
    discord: FakeDiscord, settings: Settings, session: aiohttp.ClientSession
) -> None:
    discord.faults.token_revoked = True
    with pytest.raises(RefusedError, match="DISCORD_TOKEN"):
        await ask_limits(session, settings)


@pytest.mark.parametrize(
    ("chosen", "recommended", "numbers", "count"),
    [
        ({}, 1, (0,), 1),
        ({}, 3, (0, 1, 2), 3),
        ({"DISCORD_SHARD_COUNT": "2"}, 7, (0, 1), 2),
        ({"DISCORD_SHARD_COUNT": "8", "DISCORD_SHARD_IDS": "4-6"}, 1, (4, 5, 6), 8),
    ],
)
def test_settings_decide_or_else_discord(
    chosen: dict[str, str], recommended: int, numbers: tuple[int, ...], count: int
) -> None:
    layout = layout_of(load_settings(**chosen), recommended)
    assert (layout.numbers, layout.count) == (numbers, count)
    assert layout.automatic == (not chosen)
    assert layout.sharded == (count > 1)
