"""Replicas that write many texts at once, the router before them and the autoscaler above."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from benchmarks.simulation.measured import Speeds
from benchmarks.simulation.parts import Clock, numbers

# How often the autoscaler looks at how many texts there are.
SAMPLE_SECONDS = 0.5

Events = Generator[simpy.Event, Any, None]


class Text(Protocol):
    """What a replica needs to know of a request: how much there is to write."""

    work: float


@dataclass(order=True)
class _Seat:
    """A text under way: the replica's mark at which it is finished."""

    end: float
    number: int
    text: Any = field(compare=False)


class Replica:
    """Texts share its speed evenly, and the speed depends on how many there are.

    Instead of each text's progress the replica keeps one mark, the characters that a text would
    have by now that was there from the beginning; a text is finished when the mark has advanced by
    its length. So a step of time costs nothing, whatever the number of texts.
    """

    def __init__(self, clock: Clock, speeds: Speeds, rows: int, left: Callable[..., None]) -> None:
        self._clock, self._left = clock, left
        self._rates = speeds.rates(rows)
        self._firsts = speeds.firsts(rows)
        self.rows = rows
        self.dead = self.draining = False
        self.begun = clock.now
        self.ended: float | None = None
        self.busy = 0.0  # seconds with anything to write
        self._mark, self._noted = 0.0, clock.now
        self._numbers = itertools.count()
        self._seats: list[_Seat] = []
        self._plan = 0

    @property
    def running(self) -> int:
        """How many texts are under way."""
        return len(self._seats)

    @property
    def takes(self) -> bool:
        """Whether there is a place."""
        return len(self._seats) < self.rows and not self.draining

    def seat(self, text: Text) -> float:
        """Begin a text; the moment of its first character."""
        self._advance()
        seat = _Seat(self._mark + text.work, next(self._numbers), text)
        heapq.heappush(self._seats, seat)
        self._plan_end()
        return self._clock.now + float(self._firsts[len(self._seats)])

    def die(self) -> None:
        """From now on nothing is written."""
        self._advance()
        self.dead = True
        self._plan += 1

    def clear(self) -> list[Any]:
        """Take away all texts."""
        texts = [seat.text for seat in sorted(self._seats)]
        self._seats.clear()
        return texts

    def _advance(self) -> None:
        passed, self._noted = self._clock.now - self._noted, self._clock.now
        if self._seats and not self.dead:
            self._mark += passed * self._rates[len(self._seats)]
            self.busy += passed

    def _plan_end(self) -> None:
        """Come back when the next text is finished, if nothing changes before."""
        self._plan += 1
        if self._seats and not self.dead:
            missing = self._seats[0].end - self._mark
            moment = self._clock.now + missing / self._rates[len(self._seats)]
            self._clock.at(moment, self._end, self._plan)

    def _end(self, plan: int) -> None:
        if plan != self._plan:
            return
        self._advance()
        seat = heapq.heappop(self._seats)
        self._mark = max(self._mark, seat.end)
        self._plan_end()
        self._left(self, seat.text)


@dataclass(frozen=True)
class Scaling:
    """How the number of replicas follows the load, as Ray Serve's autoscaler does it: enough for
    `target` requests for each, averaged over `look_back` seconds; more once that was so for
    `up_delay` seconds, fewer after `down_delay`. `start` is how long a new machine takes until its
    replica writes, and is assumed; `spare` more are kept than are asked for.

    The target is a replica's share of busy time as long as no texts share it, so where sharing wins
    no speed it must be below 1: with 2, Ray's default, half the replicas that the load takes seem
    enough as soon as there are plenty, and the fleet swings between too many and too few.
    """

    least: int = 1
    most: int = 10_000
    target: float = 0.6
    interval: float = 10.0
    look_back: float = 30.0
    up_delay: float = 30.0
    down_delay: float = 600.0
    start: float = 90.0
    spare: int = 0


class Pool:
    """All replicas. A text goes to the less busy of two chosen by chance, as in Ray Serve, and
    waits in one line when there is no place anywhere."""

    def __init__(
        self,
        clock: Clock,
        speeds: Speeds,
        rows: int,
        random: np.random.Generator,
        begun: Callable[[Any, float], None],
        written: Callable[[Any], None],
    ) -> None:
        self._clock, self._speeds, self._rows = clock, speeds, rows
        self._begun, self._written = begun, written
        self.replicas: list[Replica] = []
        self.past: list[Replica] = []
        self.waiting: deque[Any] = deque()
        self.starting = 0
        self._chance = numbers(random.random)

    @property
    def ongoing(self) -> int:
        """How many texts are under way or wait."""
        return len(self.waiting) + sum(replica.running for replica in self.replicas)

    @property
    def size(self) -> int:
        """How many machines there are, those that are starting too."""
        return len(self.replicas) + self.starting

    def submit(self, text: Text, *, first: bool = False) -> None:
        """Have a text written, before all who wait if it was begun once."""
        replica = None if self.waiting and not first else self._choose()
        if replica is not None:
            self._begun(text, replica.seat(text))
        elif first:
            self.waiting.appendleft(text)
        else:
            self.waiting.append(text)

    def add(self) -> None:
        """One more replica writes from now on."""
        replica = Replica(self._clock, self._speeds, self._rows, self._leave)
        self.replicas.append(replica)
        self._fill(replica)

    def start(self, seconds: float) -> None:
        """One more machine, which takes so long."""
        self.starting += 1
        self._clock.at(self._clock.now + seconds, self._started)

    def retire(self) -> None:
        """One takes nothing new, and goes when it has finished what it has."""
        for replica in reversed(self.replicas):
            if not replica.draining and not replica.dead:
                replica.draining = True
                if not replica.running:
                    self._remove(replica)
                return

    def lose(self, detect: float, lost: Callable[[Any], None]) -> None:
        """A machine dies. Until that is found out texts are sent to it as before."""
        alive = [replica for replica in self.replicas if not replica.dead]
        if alive:
            replica = alive[int(next(self._chance) * len(alive))]
            replica.die()
            self._clock.at(self._clock.now + detect, self._bury, replica, lost)

    def _bury(self, replica: Replica, lost: Callable[[Any], None]) -> None:
        self._remove(replica)
        for text in reversed(replica.clear()):
            lost(text)

    def _started(self) -> None:
        self.starting -= 1
        self.add()

    def _remove(self, replica: Replica) -> None:
        replica.ended = self._clock.now
        self.replicas.remove(replica)
        self.past.append(replica)

    def _choose(self) -> Replica | None:
        replicas = self.replicas
        if not replicas:
            return None
        one = replicas[int(next(self._chance) * len(replicas))]
        other = replicas[int(next(self._chance) * len(replicas))]
        best = one if one.running <= other.running else other
        if best.takes:
            return best
        free = [replica for replica in replicas if replica.takes]
        return min(free, key=lambda replica: replica.running) if free else None

    def _leave(self, replica: Replica, text: Any) -> None:
        if replica.draining and not replica.running:
            self._remove(replica)
        self._fill(replica)
        self._written(text)

    def _fill(self, replica: Replica) -> None:
        while self.waiting and replica.takes:
            text = self.waiting.popleft()
            self._begun(text, replica.seat(text))


def autoscale(clock: Clock, pool: Pool, scaling: Scaling) -> Events:
    """Watch and adjust for ever; a process of simpy."""
    seen: deque[int] = deque(maxlen=max(1, round(scaling.look_back / SAMPLE_SECONDS)))
    since: dict[bool, float | None] = {True: None, False: None}  # more wanted, fewer wanted
    while True:
        for _ in range(max(1, round(scaling.interval / SAMPLE_SECONDS))):
            yield clock.timeout(SAMPLE_SECONDS)
            seen.append(pool.ongoing)
        mean = sum(seen) / len(seen)
        wanted = int(np.ceil(mean / scaling.target)) + scaling.spare
        wanted = min(max(wanted, scaling.least), scaling.most)
        serving = pool.size - sum(replica.draining for replica in pool.replicas)
        for more, delay in ((True, scaling.up_delay), (False, scaling.down_delay)):
            if not (wanted > serving if more else wanted < serving):
                since[more] = None
                continue
            begun = since[more]
            since[more] = begun = clock.now if begun is None else begun
            if clock.now - begun >= delay:
                for _ in range(abs(wanted - serving)):
                    if more:
                        pool.start(scaling.start)
                    else:
                        pool.retire()
                since[more] = None
