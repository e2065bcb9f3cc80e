"""Which session gets which events, and how many sessions may begin.

https://docs.discord.com/developers/events/gateway#sharding
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.fakes.discord.strictness import Json

# A connection may bring so many servers and no more.
MOST_SERVERS = 2500
DAY = 86_400.0


@dataclass(frozen=True)
class Shard:
    """The part of all events that a session gets, the whole of them without sharding."""

    id: int = 0
    count: int = 1

    @classmethod
    def read(cls, told: object) -> Shard:
        """What IDENTIFY says; raises ValueError for what is no shard."""
        if told is None:
            return cls()
        if not isinstance(told, list) or len(told) != 2 or not all(type(n) is int for n in told):
            raise ValueError(f"{told!r} is not a number and a count")
        shard = cls(*told)
        if not 0 <= shard.id < shard.count:
            raise ValueError(f"there is no shard {shard.id} of {shard.count}")
        return shard

    def covers(self, server: str | None) -> bool:
        """Whether what happens in a server, or outside of all, is for this shard."""
        return self.id == (0 if server is None else (int(server) >> 22) % self.count)


class Starts:
    """The session start limit: how many sessions may begin a day, and how soon after each other.

    `seconds` is Discord's five; it is 0 at first, as if whoever identifies always had waited, since
    most tests begin a bot many times. `hurried` are the shards that were too fast, which cost a
    start and get no session; processes that know nothing of each other cannot always help it.
    """

    def __init__(self) -> None:
        self.total = self.left = 1000
        self.concurrency = 1
        self.seconds = 0.0
        self.hurried: list[Shard] = []
        self._ends = time.monotonic() + DAY
        self._last: dict[int, float] = {}

    def end_in(self, seconds: float, left: int) -> None:
        """The day ends in so many seconds, and only `left` may begin until then."""
        self._ends, self.left = time.monotonic() + seconds, left

    def payload(self) -> Json:
        """The session start limit object."""
        self._turn_the_page()
        return {
            "total": self.total,
            "remaining": self.left,
            "reset_after": round(1000 * (self._ends - time.monotonic())),
            "max_concurrency": self.concurrency,
        }

    def spend(self) -> bool:
        """Count an IDENTIFY; False when there was none left."""
        self._turn_the_page()
        self.left -= 1
        return self.left >= 0

    def hurries(self, shard: Shard) -> bool:
        """Whether this one comes too soon after another of its bucket."""
        bucket, now = shard.id % self.concurrency, time.monotonic()
        if now - self._last.get(bucket, -DAY) < self.seconds:
            self.hurried.append(shard)
            return True
        self._last[bucket] = now
        return False

    def _turn_the_page(self) -> None:
        if time.monotonic() >= self._ends:
            self.end_in(DAY, self.total)
