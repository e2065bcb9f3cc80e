"""Session starts, against a fake Discord that counts them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from bot.adapters.discord import identify_limiter
from bot.adapters.discord.identify_limiter import IdentifyLimiter, seconds_to_turn
from bot.adapters.discord.sharding import ShardAssignment, ask_limits, assign_shards
from bot.net.platform_api import UnreachableError
from bot.requests.connection import Connection
from bot.requests.platform import RefusedError
from bot.settings.env_file import load_settings
from bot.settings.settings import Settings
from tests.fakes.discord import FakeDiscord

pytestmark = pytest.mark.timeout(30)

SPACING = 0.1
Make = Callable[[ShardAssignment], Awaitable[IdentifyLimiter]]


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
    monkeypatch.setattr(identify_limiter, "SPACING", SPACING)
    monkeypatch.setattr(identify_limiter, "TURN_SECONDS", SPACING)

    async def made(layout: ShardAssignment) -> IdentifyLimiter:
        limits = await ask_limits(session, settings)
        return IdentifyLimiter(session, settings, layout, limits, connection)

    return made


def all_of(count: int) -> ShardAssignment:
    return ShardAssignment(tuple(range(count)), count, automatic=True)


async def begin(starts: IdentifyLimiter, shard: int) -> float:
    """Begin an accepted session; its time by the loop's clock."""
    turn = await starts.turn(shard)
    moment = asyncio.get_running_loop().time()
    turn.identified()
    starts.settled(shard)
    return moment


async def closed(connection: Connection) -> None:
    """Wait until no session may begin."""
    while not connection.closed_for:  # noqa: ASYNC110 (there is no event)
        await asyncio.sleep(0.01)


async def test_shards_of_a_bucket_identify_in_turn(discord: FakeDiscord, make: Make) -> None:
    discord.gateway.starts.concurrency = 2
    ours = await make(all_of(4))
    moments = await asyncio.gather(*(begin(ours, shard) for shard in range(4)))
    assert moments[2] - moments[0] >= SPACING
    assert moments[3] - moments[1] >= SPACING


async def test_abandoned_turn_blocks_no_shard(discord: FakeDiscord, make: Make) -> None:
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


async def test_refused_sessions_back_off(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identify_limiter, "LONGEST_DELAY", 4 * SPACING)
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


async def test_refused_shard_waits_for_its_clock_turn(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identify_limiter, "TURN_SECONDS", 50.0)
    ours = await make(ShardAssignment((1,), 2, automatic=False))
    turn = await ours.turn(1)
    turn.identified()
    now = time.time()
    wait = ours._wait_again(1, 1, ours._buckets[0])
    assert wait >= SPACING * 0.9
    assert (now + wait) % 100 == pytest.approx(50, abs=5), "not the second of two turns"


@pytest.mark.parametrize("concurrency", [1, 3, 16])
@pytest.mark.parametrize("now", [0.0, 5.9, 1_764_000_000.0])
def test_clock_turns_do_not_overlap_in_a_bucket(concurrency: int, now: float) -> None:
    layout = all_of(16)
    cycle = identify_limiter.TURN_SECONDS * -(-layout.count // concurrency)
    turns = {shard: seconds_to_turn(shard, layout, concurrency, now) for shard in layout.numbers}
    assert all(0 <= wait < cycle for wait in turns.values())
    for shard, wait in turns.items():
        others = [turns[n] for n in turns if n != shard and (n - shard) % concurrency == 0]
        apart = [min((wait - n) % cycle, (n - wait) % cycle) for n in others]
        assert all(each >= identify_limiter.TURN_SECONDS * 0.99 for each in apart)
    later = seconds_to_turn(3, layout, concurrency, now + turns[3] / 2)
    assert later == pytest.approx(turns[3] / 2, abs=1e-3)


async def test_exhausted_sessions_wait_for_reset(
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


async def test_sessions_are_reserved_for_other_processes(
    discord: FakeDiscord, make: Make, connection: Connection
) -> None:
    discord.gateway.starts.end_in(60, left=4)
    ours = await make(ShardAssignment((0, 1), 4, automatic=False))
    await begin(ours, 0)
    await begin(ours, 0)
    third = asyncio.create_task(begin(ours, 1))
    await closed(connection)
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    assert third.cancelled()


async def test_unreachable_limits_keep_the_last_known(
    discord: FakeDiscord,
    make: Make,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = await make(all_of(1))
    monkeypatch.setattr(identify_limiter, "FRESH_SECONDS", 0.0)
    discord.faults.status("GET", "/gateway/bot", 503, times=100)
    await begin(ours, 0)
    discord.faults.clear()
    discord.gateway.starts.end_in(2, left=0)
    waiting = asyncio.create_task(begin(ours, 0))
    await closed(connection)
    discord.faults.status("GET", "/gateway/bot", 503, times=100)
    with pytest.raises(UnreachableError, match="503"):
        await waiting


async def test_unknown_token_is_refused(
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
def test_settings_override_recommended_shards(
    chosen: dict[str, str], recommended: int, numbers: tuple[int, ...], count: int
) -> None:
    layout = assign_shards(load_settings(**chosen), recommended)
    assert (layout.numbers, layout.count) == (numbers, count)
    assert layout.automatic == (not chosen)
    assert layout.sharded == (count > 1)
