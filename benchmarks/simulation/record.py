"""What a run is remembered by: the end of every request, times, and the fleet minute by minute."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class End(StrEnum):
    """What came of a request; each has one end."""

    ANSWERED = "answered"
    PERSON_LIMIT = "refused: the person's limit"
    SERVER_LIMIT = "refused: the server's limit"
    BUSY = "refused: one at a time"
    QUEUE_FULL = "refused: queue full"
    UNHEARD = "not heard: no connection"
    GIVEN_UP = "accepted, but lost too often or too late"


@dataclass
class Sample:
    """The fleet at a moment. Shares of time since the sample before: of all event loops of Discord,
    of the busiest, of Telegram's, of the store; `telegram_wait` is what an answer waits there."""

    moment: float
    replicas: int
    starting: int
    ongoing: int
    waiting: int
    loops: float
    busiest: float
    telegram: float
    store: float
    telegram_wait: float


def _seconds() -> array[float]:
    return array("f")


@dataclass
class Record:
    """What was found. Of each that was answered: when it was asked, seconds to the acknowledgement,
    to the first character and to the answer, and whether it was on Telegram."""

    ends: Counter[End] = field(default_factory=Counter)
    arrived: array[float] = field(default_factory=_seconds)
    asked: array[float] = field(default_factory=_seconds)
    acknowledged: array[float] = field(default_factory=_seconds)
    first: array[float] = field(default_factory=_seconds)
    done: array[float] = field(default_factory=_seconds)
    telegram: array[int] = field(default_factory=lambda: array("b"))
    samples: list[Sample] = field(default_factory=list)
    reruns: int = 0
    presence: float = 0.0  # how many were under way, summed over seconds
    replica_seconds: float = 0.0
    busy_seconds: float = 0.0
    ended: float = 0.0

    def times(self, name: str) -> npt.NDArray[np.float32]:
        """One of the arrays of seconds."""
        return np.frombuffer(getattr(self, name), dtype=np.float32)

    @property
    def on_telegram(self) -> npt.NDArray[np.bool_]:
        """Which of them were on Telegram."""
        return np.frombuffer(self.telegram, dtype=np.int8).astype(bool)
