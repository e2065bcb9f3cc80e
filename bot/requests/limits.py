"""How much may be asked: per person, per server, and a short fuse for those who flood.

Windows slide: a limit of five a minute means that at most five requests fall into any sixty
seconds. Memory is bounded: in each window at most `CAPACITY` people or servers are remembered, by
`MOST_TIMES` times of eight bytes in all, and none for longer than the window; those least recently
seen are forgotten first.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]

MINUTE, DAY = 60.0, 86_400.0
CAPACITY = 100_000
MOST_TIMES = 4_000_000


class Window:
    """At most `limit` events within `seconds` for each key; 0 means no limit.

    At most `capacity` keys with `most` times in all are remembered, and none for longer than its
    window; where that is too little, those least recently counted are forgotten.
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
        self._times: OrderedDict[str, array[float]] = OrderedDict()
        self._held = 0  # times, of all keys

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._times)

    def wait(self, key: str) -> float:
        """Seconds until `key` may count another event; 0 when it may now."""
        times = self._times.get(key)
        if times is None or len(times) < self.limit:
            return 0.0
        return max(0.0, times[0] + self.seconds - self._clock())

    def count(self, key: str, ago: float = 0.0) -> int:
        """Note an event now, or so many seconds ago; how many the window holds with it.

        Events are noted in the order in which they happened. One of the future, which a clock that
        was set back leaves behind, is noted now.
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

    def take_back(self, key: str) -> None:
        """Forget the event that was noted last."""
        if times := self._times.get(key):
            times.pop()
            self._held -= 1
            if not times:
                self.forget(key)

    def forget(self, key: str) -> None:
        """Drop all that is known of `key`."""
        self._held -= len(self._times.pop(key, ()))

    def _forget_oldest(self, now: float) -> None:
        """Forget those whose window has passed, and more where there are too many."""
        while len(self._times) > 1:
            key, times = next(iter(self._times.items()))
            fits = len(self._times) <= self._capacity and self._held <= self._most
            if fits and times[-1] + self.seconds > now:
                return
            self.forget(key)


@dataclass(frozen=True)
class Excess:
    """A limit that was reached: which (`person_minute`, ...), how high, seconds to wait."""

    kind: str
    limit: int
    wait: float


@dataclass(frozen=True)
class Rule:
    """A limit on a request, for whoever counts them elsewhere: of `key`, which is the person's name
    or else the server's, at most `limit` in so many seconds."""

    kind: str
    key: str
    limit: int
    seconds: float

    @property
    def personal(self) -> bool:
        """Whether it is about a person."""
        return self.kind.startswith("person")


class Limits:
    """The limits on requests, taken together."""

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
        # Drawing costs less than writing, and is counted apart: who has written all that is allowed
        # may still have a picture of it.
        self.cards = Window(person_minute, MINUTE, clock)
        self._place = Window(place_minute, MINUTE, clock)
        self._strikes = Window(strikes, MINUTE, clock)
        self._blocked = Window(1 if strikes else 0, block_seconds, clock)

    def excess(self, person: str, place: str | None) -> Excess | None:
        """The limit that keeps this person from asking here now, if any."""
        for kind, window in self._person.items():
            if (wait := window.wait(person)) > 0:
                return Excess(kind, window.limit, wait)
        if place is not None and (wait := self._place.wait(place)) > 0:
            return Excess("place_minute", self._place.limit, wait)
        return None

    def count(self, person: str, place: str | None, ago: float = 0.0) -> None:
        """Note a request that was taken, now or so many seconds ago."""
        for window in self._person.values():
            window.count(person, ago)
        if place is not None:
            self._place.count(place, ago)

    def take_back(self, person: str, place: str | None) -> None:
        """Forget the request that was noted last: it was not taken after all."""
        for window in self._person.values():
            window.take_back(person)
        if place is not None:
            self._place.take_back(place)

    def rules(self, person: str, place: str | None) -> list[Rule]:
        """What `excess` goes by, cards and strikes apart."""
        windows = [(kind, person, window) for kind, window in self._person.items()]
        if place is not None:
            windows.append(("place_minute", place, self._place))
        return [
            Rule(kind, key, window.limit, window.seconds)
            for kind, key, window in windows
            if window.limit
        ]

    def blocked(self, person: str) -> float:
        """Seconds for which this person is not answered at all."""
        return self._blocked.wait(person)

    def strike(self, person: str) -> float:
        """Note a refused request; seconds of the block that begins with it, 0 when none does."""
        if self._strikes.count(person) < self._strikes.limit or not self._strikes.limit:
            return 0.0
        self._strikes.forget(person)
        self._blocked.count(person)
        return self._blocked.wait(person)

    def block(self, person: str, seconds: float) -> None:
        """Go on with a block that has so many seconds left."""
        self._blocked.count(person, max(0.0, self._blocked.seconds - seconds))
