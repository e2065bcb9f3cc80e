"""Exponential backoff with jitter, for every loop that retries a request or restarts a task."""

from __future__ import annotations

import math
import random

JITTER = 0.2


class Backoff:
    """Delays before retries, in seconds: doubled from `first` up to `longest`.

    Each delay varies by `JITTER`, so that processes which failed together do not retry together.
    """

    def __init__(self, first: float, longest: float = math.inf) -> None:
        self._first, self._longest = first, longest
        self.delay = first  # the next one, without jitter

    def next(self) -> float:
        """Return the delay to wait now and double the one after it."""
        delay, self.delay = self.delay, min(2 * self.delay, self._longest)
        return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)

    def reset(self) -> None:
        """Begin at `first` again, after a success."""
        self.delay = self._first
