"""What a request passes on its way and that only counts and queues."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from bot.adapters.telegram.rate_limiter import EVERYWHERE, EVERYWHERE_RESERVE, GROUP

# https://docs.discord.com/developers/events/gateway#rate-limiting
IDENTIFY_SECONDS = 5.0


def numbers(draw: Callable[[int], npt.NDArray[np.float64]]) -> Iterator[float]:
    """Random numbers without end, drawn many at a time, which is faster."""
    while True:
        yield from draw(4096).tolist()


class Clock(simpy.Environment):
    """Simulated time, and things to be done later."""

    def at(self, moment: float, call: Callable[..., None], *given: Any) -> None:
        """Do this then, or at once when that has passed."""
        event = simpy.Timeout(self, max(0.0, moment - self.now))
        event.callbacks.append(lambda _: call(*given))


class Line:
    """One server, first come, first served: an event loop, or what limits a store."""

    def __init__(self) -> None:
        self.free_at = 0.0
        self.busy = 0.0

    def serve(self, now: float, cost: float) -> float:
        """When work of so many seconds that comes now is done."""
        self.free_at = max(now, self.free_at) + cost
        self.busy += cost
        return self.free_at


class Sliding:
    """At most `limit` within `seconds`; who comes when it is full is given a later moment."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.seconds = seconds
        self._times: deque[float] = deque(maxlen=limit)

    def next(self, now: float) -> float:
        """The first moment at which there is room."""
        full = len(self._times) == self._times.maxlen
        return max(now, self._times[0] + self.seconds) if full else now

    def take(self, now: float) -> float:
        """Take the first moment at which there is room, and say which it is."""
        moment = self.next(now)
        self.count(moment)
        return moment

    def count(self, moment: float) -> None:
        """Note what comes at a moment, which is none before those that were noted."""
        self._times.append(moment)

    def free(self, now: float) -> int:
        """How many more may come now."""
        taken = sum(moment > now - self.seconds for moment in self._times)
        return (self._times.maxlen or 0) - taken


class TelegramToken:
    """What Telegram lets one bot send, as `bot.adapters.telegram.rate_limiter` keeps it: so much in
    all, so much in a group. Answers wait for room; typing and notices are left out without it.

    limited: whether there is a limit in all. It cannot be shared out among parts of a fleet: thirty
    at once are not eight times four.
    """

    def __init__(self, clock: Clock, *, limited: bool = True) -> None:
        self._clock, self._limited = clock, limited
        self._everywhere = Sliding(*EVERYWHERE)
        self._groups: defaultdict[int, Sliding] = defaultdict(lambda: Sliding(*GROUP))

    def send(self, group: int | None, then: Callable[..., None], *given: Any) -> None:
        """Send an answer as soon as may be, and go on then."""
        now = self._clock.now
        room = None if group is None else self._groups[group]
        if room is not None and (moment := room.next(now)) > now:
            self._clock.at(moment, self.send, group, then, *given)
            return
        moment = self._everywhere.take(now) if self._limited else now
        if room is not None:
            room.count(moment)
        self._clock.at(moment, then, *given)

    def mention(self) -> None:
        """Send something that is not worth waiting for, if there is room."""
        if self._limited and self._everywhere.free(self._clock.now) > EVERYWHERE_RESERVE:
            self._everywhere.take(self._clock.now)

    @property
    def delay(self) -> float:
        """Seconds that an answer would wait now."""
        return self._everywhere.next(self._clock.now) - self._clock.now


class Gateway:
    """Discord's shards: a connection that has to begin anew waits for its turn to identify, which
    all shards of a bot share (https://docs.discord.com/developers/events/gateway#sharding)."""

    def __init__(self, shards: int, seconds: float, concurrency: int) -> None:
        self._up_at = [0.0] * shards
        self._turn = Sliding(concurrency, seconds)

    def connected(self, shard: int, now: float) -> bool:
        """Whether the shard hears of what people do."""
        return self._up_at[shard] <= now

    def begin_anew(self, shards: Iterable[int], moment: float) -> float:
        """Connect these shards from this moment on; when the last one is there."""
        for shard in shards:
            self._up_at[shard] = moment = self._turn.take(moment)
        return moment
