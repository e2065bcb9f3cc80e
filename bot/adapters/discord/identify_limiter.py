"""Discord's limits on IDENTIFY, which begins a session; resuming a session is not limited.

Of the shards of one bucket (their number modulo `max_concurrency`) Discord accepts one IDENTIFY in
five seconds, whichever process sends it, and answers the others with an invalid session. Of all
shards together it accepts a number a day, beyond which it ends every session and resets the token.
https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import aiohttp

from bot.adapters.discord.sharding import GatewayLimits, ShardAssignment, ask_limits
from bot.net.platform_api import UnreachableError
from bot.requests.connection import Connection
from bot.settings.settings import Settings
from bot.texts.formatting import duration

log = logging.getLogger(__name__)

# Discord's five seconds and some jitter of the network.
SPACING = 5.5
# A turn by the clock also allows for the difference between the clocks of two machines.
TURN_SECONDS = 7.0
LONGEST_DELAY = 300.0
# Each login is two requests, and Discord accepts fifty a second.
LOGINS_AT_ONCE = 4
# How long fetched limits are used, although other processes may take sessions meanwhile.
FRESH_SECONDS = 60.0


def seconds_to_turn(shard: int, assignment: ShardAssignment, concurrency: int, now: float) -> float:
    """Seconds until a shard's turn by the clock; the shards of its bucket take turns.

    All processes read the same clock, so they need no communication.

    now: seconds since 1970.
    """
    place, places = shard // concurrency, -(-assignment.count // concurrency)
    return (place * TURN_SECONDS - now) % (places * TURN_SECONDS)


@dataclass
class _Bucket:
    """The shards of this process of which one may identify at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    # When the next one may, by time.monotonic.
    free: float = 0.0


class Turn:
    """A shard's permission to begin a session; holds its bucket until the session begins."""

    def __init__(self, shard: int, bucket: _Bucket, untaken: Counter[int]) -> None:
        self._shard, self._bucket, self._untaken = shard, bucket, untaken
        self._over = False

    def identified(self) -> None:
        """Note that IDENTIFY is sent now."""
        self._untaken[self._shard] += 1
        self._bucket.free = time.monotonic() + SPACING
        self.leave()

    def leave(self) -> None:
        """Release the bucket."""
        if not self._over:
            self._over = True
            self._bucket.lock.release()


class IdentifyLimiter:
    """Grants the shards of this process their turns, in order and within Discord's limits.

    A day without sessions left shows in `connection.closed_until`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: Settings,
        assignment: ShardAssignment,
        limits: GatewayLimits,
        connection: Connection,
    ) -> None:
        self._session, self._settings = session, settings
        self._assignment, self._connection = assignment, connection
        self._limits = limits
        self._asked: float | None = time.monotonic()  # None: the new day's limits are unknown
        self._used = 0  # sessions since then
        self._buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)
        self._untaken: Counter[int] = Counter()  # refused sessions in a row, by shard
        self._permission = asyncio.Lock()
        self.logins = asyncio.Semaphore(LOGINS_AT_ONCE)

    @property
    def _elsewhere(self) -> int:
        """The number of shards in other processes."""
        return self._assignment.count - len(self._assignment.numbers)

    async def turn(self, shard: int) -> Turn:
        """Wait until this shard may connect and identify. Raises RefusedError for a token that
        Discord no longer accepts, and UnreachableError."""
        bucket = self._buckets[shard % self._limits.concurrency]
        if tries := self._untaken[shard]:
            wait = self._wait_again(shard, tries, bucket)
            log.info("the session was not taken; another try in %.0f s", wait)
            await asyncio.sleep(wait)
        await bucket.lock.acquire()
        turn = Turn(shard, bucket, self._untaken)
        try:
            await asyncio.sleep(bucket.free - time.monotonic())
            await self._permitted()
        except BaseException:
            turn.leave()
            raise
        return turn

    def settled(self, shard: int) -> None:
        """Note that this shard's session has begun."""
        del self._untaken[shard]

    def _wait_again(self, shard: int, tries: int, bucket: _Bucket) -> float:
        """Seconds to wait after a number of refused sessions in a row.

        Another shard of the bucket must have identified just before. If other processes have
        shards, that may repeat, so the shard waits for its own turn by the clock.
        """
        delay = min(LONGEST_DELAY, SPACING * (2.0 ** (tries - 1) - 1.0))
        wait = max(delay, bucket.free - time.monotonic())
        if self._elsewhere:
            start = time.time() + wait
            wait += seconds_to_turn(shard, self._assignment, self._limits.concurrency, start)
        return wait

    async def _permitted(self) -> None:
        """Take one of the day's sessions; without one, wait for the next day.

        Leaves one for each shard of another process, which may take it before this process fetches
        the limits again.
        """
        async with self._permission:
            while True:
                await self._refresh()
                if self._limits.remaining - self._used > self._elsewhere:
                    self._used += 1
                    return
                wait = max(1.0, self._limits.reset)
                self._connection.closed_until = time.monotonic() + wait
                log.warning("Discord takes no more sessions today; waiting %s", duration(wait))
                await asyncio.sleep(wait + random.uniform(0.1, 1.0))  # noqa: S311 (no secret)
                self._asked = None

    async def _refresh(self) -> None:
        """Fetch the limits again unless they are fresh."""
        if self._asked is not None and time.monotonic() - self._asked < FRESH_SECONDS:
            return
        try:
            self._limits = await ask_limits(self._session, self._settings)
        except UnreachableError as error:
            if self._asked is None:
                raise
            log.warning("Discord does not say how many sessions may begin (%s)", error)
        else:
            self._asked, self._used = time.monotonic(), 0
