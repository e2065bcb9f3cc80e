"""Rate limits per person and per server, and temporary blocks for flooding.

Windows slide: with a limit of five a minute, any sixty seconds contain at most five requests.
Memory is bounded: a window holds at most `CAPACITY` keys and `MOST_TIMES` times of eight bytes.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

Clock = Callable[[], float]

MINUTE, DAY = 60.0, 86_400.0
CAPACITY = 100_000
MOST_TIMES = 4_000_000


class Window:
    """A sliding window: at most `limit` events within `seconds` for each key; 0 means no limit.

    capacity, most: maximum number of keys and of times in all; the least recently counted keys are
    forgotten first.
    """

    def __init__(
        self,
        limit: int,
        seconds: float,
        clock: Clock = time.monotonic,
        capacity: int = CAPACITY,
        most: int = MOST_TIMES,
    ) -> None:
        self.limit, self.seconds = limit, seconds
        self._clock, self._capacity, self._most = clock, capacity, most
        self._times: OrderedDict[Hashable, array[float]] = OrderedDict()
        self._held = 0  # times of all keys

    def __len__(self) -> int:
        """Number of keys held."""
        return len(self._times)

    def free(self, key: Hashable) -> int:
        """Number of events that `key` may count now."""
        times = self._times.get(key, ())
        return self.limit - len(times) + bisect_right(times, self._clock() - self.seconds)

    def wait(self, key: Hashable) -> float:
        """Seconds until `key` may count another event; 0 if it may now."""
        times = self._times.get(key)
        if times is None or len(times) < self.limit:
            return 0.0
        return max(0.0, times[0] + self.seconds - self._clock())

    def count(self, key: Hashable, ago: float = 0.0) -> int:
        """Count an event that happened `ago` seconds before now; returns the events in the window.

        Call in the order of events. Events in the future, after a clock was set back, count as now.
        """
        ago = max(0.0, ago)
        if not self.limit or ago >= self.seconds:
            return 0
        now = self._clock()
        times = self._times.setdefault(key, array("d"))
        self._times.move_to_end(key)
        self._held -= len(times)
        passed = bisect_right(times, now - self.seconds)
        del times[: max(passed, len(times) + 1 - self.limit)]
        times.append(now - ago)
        self._held += len(times)
        self._forget_oldest(now)
        return len(times)

    def take_back(self, key: Hashable) -> None:
        """Forget the last event."""
        if times := self._times.get(key):
            times.pop()
            self._held -= 1
            if not times:
                self.forget(key)

    def forget(self, key: Hashable) -> None:
        """Forget all events of a key."""
        self._held -= len(self._times.pop(key, ()))

    def _forget_oldest(self, now: float) -> None:
        """Forget keys whose events have expired, and more while there are too many."""
        while len(self._times) > 1:
            key, times = next(iter(self._times.items()))
            fits = len(self._times) <= self._capacity and self._held <= self._most
            if fits and times[-1] + self.seconds > now:
                return
            self.forget(key)


@dataclass(frozen=True)
class Excess:
    """A limit that a request exceeds."""

    kind: str  # `person_minute`, `person_day`, `place_minute` or `busy`
    limit: int
    wait: float  # seconds


@dataclass(frozen=True)
class Rule:
    """A limit that the database checks: at most `limit` requests of `key` within `seconds`."""

    kind: str
    key: str  # the person or the server
    limit: int
    seconds: float

    @property
    def personal(self) -> bool:
        """Whether it limits a person."""
        return self.kind.startswith("person")


class Limits:
    """All limits on requests."""

    def __init__(
        self,
        *,
        person_minute: int,
        person_day: int,
        place_minute: int,
        strikes: int,
        block_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._person = {
            "person_minute": Window(person_minute, MINUTE, clock),
            "person_day": Window(person_day, DAY, clock),
        }
        # A card is cheaper than an answer and has its own window: a person at the limit may still
        # have a card of the last answer.
        self.cards = Window(person_minute, MINUTE, clock)
        self._place = Window(place_minute, MINUTE, clock)
        self._strikes = Window(strikes, MINUTE, clock)
        self._blocked = Window(1 if strikes else 0, block_seconds, clock)

    def excess(self, person: str, place: str | None) -> Excess | None:
        """The limit that another request would exceed now, if any."""
        for kind, window in self._person.items():
            if (wait := window.wait(person)) > 0:
                return Excess(kind, window.limit, wait)
        if place is not None and (wait := self._place.wait(place)) > 0:
            return Excess("place_minute", self._place.limit, wait)
        return None

    def count(self, person: str, place: str | None, ago: float = 0.0) -> None:
        """Count an accepted request."""
        for window in self._person.values():
            window.count(person, ago)
        if place is not None:
            self._place.count(place, ago)

    def take_back(self, person: str, place: str | None) -> None:
        """Forget the last request: it was refused later."""
        for window in self._person.values():
            window.take_back(person)
        if place is not None:
            self._place.take_back(place)

    def rules(self, person: str, place: str | None) -> list[Rule]:
        """The limits of `excess` as rules."""
        windows = [(kind, person, window) for kind, window in self._person.items()]
        if place is not None:
            windows.append(("place_minute", place, self._place))
        return [
            Rule(kind, key, window.limit, window.seconds)
            for kind, key, window in windows
            if window.limit
        ]

    def blocked(self, person: str) -> float:
        """Seconds until the end of a person's block, 0 without one."""
        return self._blocked.wait(person)

    def strike(self, person: str) -> float:
        """Count a refused request; seconds of the block that begins with it, 0 without one."""
        if self._strikes.count(person) < self._strikes.limit or not self._strikes.limit:
            return 0.0
        self._strikes.forget(person)
        self._blocked.count(person)
        return self._blocked.wait(person)

    def block(self, person: str, seconds: float) -> None:
        """Restore a block with this many seconds left."""
        self._blocked.count(person, max(0.0, self._blocked.seconds - seconds))
