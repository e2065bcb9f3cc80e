"""Statistics: outcomes of requests, latencies, the event loop's lag, memory.

`bot.admin.reports` shows them to admins and `bot.monitoring.metrics` to Prometheus.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable

import psutil

from bot.requests.job import Outcome

SAMPLES = 1000
LAG_INTERVAL = 0.25
# Upper bounds of histogram buckets in seconds. Discord waits 3 s for an acknowledgement; a job may
# take 14 minutes.
ANSWER_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Samples:
    """A duration in seconds: its last measurements and a histogram of all."""

    def __init__(self, bounds: Iterable[float], size: int = SAMPLES) -> None:
        self.last: deque[float] = deque(maxlen=size)
        self.total = 0.0
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)

    def add(self, seconds: float) -> None:
        """Add a measurement."""
        self.last.append(seconds)
        self.total += seconds
        self._counts[bisect.bisect_left(self._bounds, seconds)] += 1

    def percentile(self, percent: float) -> float | None:
        """A percentile of the last measurements, None without any."""
        return _percentile(self.last, percent)

    def buckets(self) -> list[tuple[float, int]]:
        """Cumulative counts by upper bound, infinity last."""
        bounds = (*self._bounds, math.inf)
        return list(zip(bounds, itertools.accumulate(self._counts), strict=True))


class PlatformSamples:
    """A duration on each platform."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Samples] = defaultdict(lambda: Samples(ANSWER_BUCKETS))

    def add(self, platform: str, seconds: float) -> None:
        """Add a measurement."""
        self.of[platform].add(seconds)

    def percentile(self, percent: float) -> float | None:
        """A percentile of the last measurements on all platforms."""
        last = itertools.chain.from_iterable(samples.last for samples in self.of.values())
        return _percentile(last, percent)


class Stats:
    """Statistics of a process."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()  # by platform
        self.acknowledged = PlatformSamples()  # from the request to the acknowledgement
        self.begun = PlatformSamples()  # from the request to the first character
        self.answered = PlatformSamples()  # from the request to the final message
        self.written = Samples(ANSWER_BUCKETS)  # from the turn to the finished text
        self.lag = Samples(LAG_BUCKETS)
        self.characters = 0
        self.speed: float | None = None  # characters per second of the last answer
        self.rate_limited: Counter[str] = Counter()  # HTTP 429 responses, by platform

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def answers(self) -> int:
        """Number of answered requests."""
        return self._count(Outcome.ANSWERED)

    @property
    def failures(self) -> int:
        """Number of accepted requests that failed or took too long."""
        return self._count(Outcome.FAILED) + self._count(Outcome.TOO_SLOW)

    def count(self, platform: str, outcome: Outcome) -> None:
        """Count a request by its outcome."""
        self.outcomes[platform, outcome] += 1

    def count_text(self, characters: int, seconds: float) -> None:
        """Count a finished text."""
        self.written.add(seconds)
        self.characters += characters
        self.speed = characters / max(1e-6, seconds)

    async def watch_loop(self) -> None:
        """Measure the lag of the event loop's timers, until cancelled."""
        while True:
            asked = time.monotonic()
            await asyncio.sleep(LAG_INTERVAL)
            self.lag.add(max(0.0, time.monotonic() - asked - LAG_INTERVAL))

    def _count(self, wanted: Outcome) -> int:
        return sum(n for (_, outcome), n in self.outcomes.items() if outcome is wanted)


def resident_memory(pid: int | None = None) -> int | None:
    """Resident memory of a process in bytes, None if it is gone; this process without `pid`."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _percentile(values: Iterable[float], percent: float) -> float | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
