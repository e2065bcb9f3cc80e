"""When a session with Discord's gateway may begin, and with how many others.

A session begins with IDENTIFY. Of the shards of one bucket (their number modulo `max_concurrency`)
Discord takes one in five seconds, in whichever processes they are, and answers the others with an
invalid session. Of all shards together it takes so many a day; whoever identifies beyond that loses
every session and the token. Resuming a session counts for neither.
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

from bot.adapters.discord.layout import Layout
from bot.net.platform_api import UnreachableError, ask_discord
from bot.requests.connection import Connection
from bot.requests.platform import RefusedError
from bot.settings.settings import Settings
from bot.texts import duration, say

log = logging.getLogger(__name__)

# Discord's five seconds, and what two ways there may differ.
SPACING = 5.5
# A turn by the clock is long enough for the difference of two clocks too.
TURN_SECONDS = 7.0
# Who is sent away again and again tries more and more seldom.
LONGEST_DELAY = 300.0
ASK_SECONDS = 15.0
# Each is two requests, of which Discord takes fifty a second.
LOGINS_AT_ONCE = 4
# An answer about the limits holds for so long, though other processes may use them meanwhile.
FRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Limits:
    """What Discord says at GET /gateway/bot.

    shards: how many it recommends; remaining: sessions that may begin until, in so many seconds of
    `reset`, the day is over; concurrency: of how many shards in five seconds.
    """

    shards: int
    remaining: int
    reset: float
    concurrency: int


async def ask_limits(session: aiohttp.ClientSession, settings: Settings) -> Limits:
    """Ask Discord. Raises RefusedError for a token that it does not know and UnreachableError."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reply = await ask_discord(session, settings, "gateway/bot")
    except TimeoutError:
        raise UnreachableError("TimeoutError") from None
    if reply.refused:
        raise RefusedError(say("discord_token"))
    content = reply.object()
    try:
        limit = content["session_start_limit"]
        return Limits(
            shards=max(1, int(content["shards"])),
            remaining=int(limit["remaining"]),
            reset=int(limit["reset_after"]) / 1000,
            concurrency=max(1, int(limit["max_concurrency"])),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None


def seconds_to_turn(shard: int, layout: Layout, concurrency: int, now: float) -> float:
    """Seconds until the clock gives a shard its turn, the others of its bucket having theirs in
    between; `now` in seconds since 1970.

    All processes read the same clock, so they need not speak to each other.
    """
    place, places = shard // concurrency, -(-layout.count // concurrency)
    return (place * TURN_SECONDS - now) % (places * TURN_SECONDS)


@dataclass
class _Bucket:
    """The shards of this process of which one may identify at a time; from `free` (time.monotonic)
    on the next."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free: float = 0.0


class Turn:
    """The right of one shard to begin a session; the next of its bucket waits until it is over."""

    def __init__(self, shard: int, bucket: _Bucket, untaken: Counter[int]) -> None:
        self._shard, self._bucket, self._untaken = shard, bucket, untaken
        self._over = False

    def identified(self) -> None:
        """The session begins now, if Discord takes it."""
        self._untaken[self._shard] += 1
        self._bucket.free = time.monotonic() + SPACING
        self.leave()

    def leave(self) -> None:
        """Let others try."""
        if not self._over:
            self._over = True
            self._bucket.lock.release()


class Starts:
    """Lets the shards of a process begin their sessions, in order and no faster than Discord
    allows.

    logins: to be held while a shard logs in.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: Settings,
        layout: Layout,
        limits: Limits,
        connection: Connection,
    ) -> None:
        self._session, self._settings = session, settings
        self._layout, self._connection = layout, connection
        self._limits = limits
        self._asked: float | None = time.monotonic()  # None: nothing is known of the new day
        self._used = 0  # since Discord was asked
        self._buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)
        self._untaken: Counter[int] = Counter()  # sessions in a row, by shard
        self._permission = asyncio.Lock()
        self.logins = asyncio.Semaphore(LOGINS_AT_ONCE)

    @property
    def _elsewhere(self) -> int:
        """How many shards other processes have."""
        return self._layout.count - len(self._layout.numbers)

    async def turn(self, shard: int) -> Turn:
        """Wait until this shard may connect and identify. Raises RefusedError for a token that is
        not good any more, and UnreachableError."""
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
        """The session of this shard has begun."""
        del self._untaken[shard]

    def _wait_again(self, shard: int, tries: int, bucket: _Bucket) -> float:
        """Seconds to wait for a shard whose sessions were not taken so many times in a row.

        Another of its bucket must have identified just before. One of another process may do so
        again, so then it waits for its turn by the clock, which none of the others has.
        """
        delay = min(LONGEST_DELAY, SPACING * (2.0 ** (tries - 1) - 1.0))
        wait = max(delay, bucket.free - time.monotonic())
        if self._elsewhere:
            start = time.time() + wait
            wait += seconds_to_turn(shard, self._layout, self._limits.concurrency, start)
        return wait

    async def _permitted(self) -> None:
        """Take one of the day's starts; when there are none, wait for the next day.

        As many as there are shards in other processes are left to those: each may take one before
        this process hears of it.
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
        """Ask again what Discord allows, unless the last answer is young."""
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
