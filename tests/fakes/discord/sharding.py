"""The events of each shard, and the limit of session starts.

https://docs.discord.com/developers/events/gateway#sharding"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.fakes.discord.strictness import Json

# Maximum number of guilds per shard.
MOST_SERVERS = 2500
DAY = 86_400.0


@dataclass(frozen=True)
class Shard:
    """The part of all events that a session receives; all of them without sharding."""

    id: int = 0
    count: int = 1

    @classmethod
    def read(cls, told: object) -> Shard:
        """The shard in IDENTIFY. Raises ValueError for an invalid one."""
        if told is None:
            return cls()
        if not isinstance(told, list) or len(told) != 2 or not all(type(n) is int for n in told):
            raise ValueError(f"{told!r} is not a number and a count")
        shard = cls(*told)
        if not 0 <= shard.id < shard.count:
            raise ValueError(f"there is no shard {shard.id} of {shard.count}")
        return shard

    def covers(self, server: str | None) -> bool:
        """Whether events of a guild, or of none, belong to this shard."""
        return self.id == (0 if server is None else (int(server) >> 22) % self.count)


class Starts:
    """The session start limit: starts per day, and the pause between starts in a bucket.

    seconds: Discord's pause is five; 0 by default, because most tests start a bot many times.
    hurried: shards that identified too soon, which cost a start and got no session; independent
    processes cannot always avoid that."""

    def __init__(self) -> None:
        self.total = self.left = 1000
        self.concurrency = 1
        self.seconds = 0.0
        self.hurried: list[Shard] = []
        self._ends = time.monotonic() + DAY
        self._last: dict[int, float] = {}

    def end_in(self, seconds: float, left: int) -> None:
        """Let the day end in `seconds`, with `left` starts until then."""
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
        """Count an IDENTIFY; False without a start left."""
        self._turn_the_page()
        self.left -= 1
        return self.left >= 0

    def hurries(self, shard: Shard) -> bool:
        """Whether this start comes too soon after another one of its bucket."""
        bucket, now = shard.id % self.concurrency, time.monotonic()
        if now - self._last.get(bucket, -DAY) < self.seconds:
            self.hurried.append(shard)
            return True
        self._last[bucket] = now
        return False

    def _turn_the_page(self) -> None:
        if time.monotonic() >= self._ends:
            self.end_in(DAY, self.total)
