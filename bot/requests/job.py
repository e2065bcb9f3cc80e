"""A request from a platform, who sent it, and its outcome."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.texts import SPANISH
from bot.texts.catalogue import notices
from model.engine.result import Result
from model.text.prompt import Options

# Without letters and digits that look alike: people read references aloud.
_REFERENCE_ALPHABET = "ACDEFGHJKLMNPQRTUVWXY34679"
REFERENCE_LENGTH = 6


def new_reference() -> str:
    """A short id for a person's report and the log."""
    return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(REFERENCE_LENGTH))


class Outcome(StrEnum):
    """The outcome of a request; those from NOT_ALLOWED on were not accepted."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"
    TOO_SLOW = "too_slow"
    FAILED = "failed"
    LATE = "late"  # the bot was down for too long
    NOT_ALLOWED = "not_allowed"
    BLOCKED = "blocked"
    CLOSING = "closing"
    PAUSED = "paused"
    BAD_PHRASE = "bad_phrase"
    BUSY = "busy"
    OVER_LIMIT = "over_limit"
    QUEUE_FULL = "queue_full"


@dataclass(frozen=True)
class Requester:
    """A person on a platform, where the request was made."""

    platform: str
    user: int
    place: int | None  # the server or chat, None in private
    language: str = SPANISH
    exempt: bool = False  # from limits: the operator, on the page's own machine

    @property
    def person(self) -> str:
        """The person in lists and limits, `discord:123`."""
        return f"{self.platform}:{self.user}"

    @property
    def server(self) -> str | None:
        """The server or chat in lists and limits, None in private."""
        return None if self.place is None else f"{self.platform}:{self.place}"


@dataclass
class Job:
    """A request to continue a phrase."""

    phrase: str
    options: Options
    requester: Requester
    origin: Any  # where the answer goes; only the platform's adapter looks inside
    private: bool = False
    endings: int = 0  # number of endings to choose from, 0 for a single answer
    event: str | None = None  # key of the stored event that it came with
    implicit: bool = False  # sent by the platform while a person types: refusals are no strikes
    reference: str = field(default_factory=new_reference)
    asked: float = field(default_factory=time.monotonic)

    @property
    def language(self) -> str:
        """The language of all texts about this job."""
        return self.requester.language


@dataclass(frozen=True)
class Preview:
    """An unfinished answer: phrase and continuation so far, or a note on the wait."""

    phrase: str = ""
    continuation: str = ""
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """A finished answer as it is shown."""

    phrase: str
    continuation: str
    notices: tuple[str, ...]  # sentences below the answer
    result: Result

    @classmethod
    def of(cls, result: Result, language: str) -> Answer:
        """The answer for a result."""
        return cls(
            phrase=result.phrase,
            continuation=result.continuation,
            notices=tuple(notices(result.dropped, result.truncated, language)),
            result=result,
        )
