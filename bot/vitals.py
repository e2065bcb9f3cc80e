"""How the bot is doing: latencies, the event loop's lag, memory; the last of each only."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import psutil

SAMPLES = 1000
LAG_INTERVAL = 0.25


class Samples:
    """The last measurements of one thing, in seconds."""

    def __init__(self, size: int = SAMPLES) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, seconds: float) -> None:
        """Note a measurement."""
        self._values.append(seconds)

    def percentile(self, percent: float) -> float | None:
        """The value that so many percent do not exceed, None without any."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Vitals:
    """What /estado tells besides the queue."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.acknowledged = Samples()  # from the request to the first sign
        self.written = Samples()  # from the turn to the finished text
        self.answered = Samples()  # from the request to the final message
        self.lag = Samples()
        self.speed: float | None = None  # characters per second of the last answer
        self.answers = 0
        self.failures = 0

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def count_text(self, characters: int, seconds: float) -> None:
        """Note a finished text."""
        self.written.add(seconds)
        self.speed = characters / max(1e-6, seconds)

    async def watch_loop(self) -> None:
        """Measure how much later than asked the event loop wakes up, until cancelled."""
        while True:
            asked = time.monotonic()
            await asyncio.sleep(LAG_INTERVAL)
            self.lag.add(max(0.0, time.monotonic() - asked - LAG_INTERVAL))


def resident_memory(pid: int | None = None) -> int | None:
    """Bytes of memory a process holds, None when it is gone; without `pid`, this process."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
