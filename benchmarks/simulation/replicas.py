"""A queueing simulation of the replicas: Poisson arrivals, processor sharing, one waiting line.

A request goes to the less busy of two replicas chosen at random, as in Ray Serve. A replica shares
its speed evenly among its texts, and the speed depends on how many it has.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.measured import Floats, Speeds


@dataclass(frozen=True)
class Outcome:
    """Seconds of each request by its number; NaN where it was refused.

    arrived, began, ended: moments; busy: share of the replicas' time with something to write.
    """

    arrived: Floats
    began: Floats
    ended: Floats
    busy: float

    @property
    def waits(self) -> Floats:
        """Seconds in the waiting line, of the requests that were served."""
        return (self.began - self.arrived)[~np.isnan(self.ended)]

    @property
    def times(self) -> Floats:
        """Seconds from arrival to end, of the requests that were served."""
        return (self.ended - self.arrived)[~np.isnan(self.ended)]

    @property
    def refused(self) -> float:
        """Share of the requests that found the queue full."""
        return float(np.isnan(self.ended).mean())


class _Replica:
    """One replica, with a single mark instead of the progress of every text.

    The mark is the number of characters that a text would have by now if it had been there from the
    start. A text ends when the mark has advanced by its length, so time costs nothing to simulate.
    """

    __slots__ = ("busy", "mark", "noted", "plan", "rates", "texts")

    def __init__(self, rates: list[float]) -> None:
        self.rates = rates
        self.texts: list[tuple[float, int]] = []  # heap of (mark of the end, number)
        self.mark = self.noted = self.busy = 0.0
        self.plan = 0  # invalidates ends that were scheduled before the last change

    @property
    def full(self) -> bool:
        return len(self.texts) == len(self.rates) - 1

    def advance(self, now: float) -> None:
        if self.texts:
            self.mark += (now - self.noted) * self.rates[len(self.texts)]
            self.busy += now - self.noted
        self.noted = now

    def next_end(self) -> float:
        """The moment at which the next text ends unless something changes before."""
        self.plan += 1
        missing = self.texts[0][0] - self.mark
        return self.noted + max(0.0, missing) / self.rates[len(self.texts)]


class _Pool:
    """All replicas, the waiting line before them, and the ends that are scheduled."""

    def __init__(
        self, works: Floats, rates: Floats, count: int, limit: float, random: np.random.Generator
    ) -> None:
        self.works, self.random, self.limit = works.tolist(), random, limit
        self.replicas = [_Replica(rates.tolist()) for _ in range(count)]
        self.ends: list[tuple[float, int, int]] = []  # heap of (moment, replica, plan)
        self.waiting: deque[int] = deque()
        self.under_way = 0
        self.began = np.full(len(works), np.nan)
        self.ended = np.full(len(works), np.nan)

    def arrive(self, text: int, now: float) -> None:
        if self.under_way >= self.limit:
            return
        self.under_way += 1
        chosen = self._choose()
        if chosen is None:
            self.waiting.append(text)
        else:
            self._seat(chosen, text, now)

    def finish_until(self, moment: float) -> None:
        """End all texts that end by then, and begin those that waited for their slots."""
        while self.ends and self.ends[0][0] <= moment:
            now, chosen, plan = heapq.heappop(self.ends)
            replica = self.replicas[chosen]
            if plan != replica.plan:
                continue
            replica.advance(now)
            end, text = heapq.heappop(replica.texts)
            replica.mark = max(replica.mark, end)
            self.ended[text] = now
            self.under_way -= 1
            if self.waiting:
                self._seat(chosen, self.waiting.popleft(), now)
            elif replica.texts:
                self._schedule(chosen)

    def _choose(self) -> int | None:
        one, other = (self.random.random(2) * len(self.replicas)).astype(int).tolist()
        best = min(one, other, key=lambda number: len(self.replicas[number].texts))
        if not self.replicas[best].full:
            return best
        if self.waiting:
            return None
        free = [number for number, replica in enumerate(self.replicas) if not replica.full]
        return min(free, key=lambda n: len(self.replicas[n].texts)) if free else None

    def _seat(self, chosen: int, text: int, now: float) -> None:
        replica = self.replicas[chosen]
        replica.advance(now)
        heapq.heappush(replica.texts, (replica.mark + self.works[text], text))
        self.began[text] = now
        self._schedule(chosen)

    def _schedule(self, chosen: int) -> None:
        replica = self.replicas[chosen]
        heapq.heappush(self.ends, (replica.next_end(), chosen, replica.plan))


def poisson(rate: float, seconds: float, random: np.random.Generator) -> Floats:
    """Arrivals at `rate` per second for `seconds`, in order."""
    return np.sort(random.random(random.poisson(rate * seconds)) * seconds)


def serve(
    arrived: Floats,
    works: Floats,
    speeds: Speeds,
    rows: int,
    replicas: int,
    random: np.random.Generator,
    limit: float = np.inf,
) -> Outcome:
    """Write all requests to their end.

    arrived, works: moments in order, and characters, (N,).
    rows: slots of a replica.
    limit: requests waiting or under way from which new ones are refused.
    """
    pool = _Pool(works, speeds.rates(rows), replicas, limit, random)
    for text, moment in enumerate(arrived.tolist()):
        pool.finish_until(moment)
        pool.arrive(text, moment)
    pool.finish_until(np.inf)
    last = max(replica.noted for replica in pool.replicas)
    busy = sum(replica.busy for replica in pool.replicas) / (replicas * last) if last else 0.0
    return Outcome(arrived, pool.began, pool.ended, busy)
