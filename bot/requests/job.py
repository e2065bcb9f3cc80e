"""One request from a platform: what is asked, by whom, and what comes of it."""

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

# No letters or digits that look alike: people read references to each other.
_REFERENCE_ALPHABET = "ACDEFGHJKLMNPQRTUVWXY34679"
REFERENCE_LENGTH = 6


def new_reference() -> str:
    """A short id that a person is shown and the log has too."""
    return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(REFERENCE_LENGTH))


class Outcome(StrEnum):
    """What came of a request; those from NOT_ALLOWED on were not taken at all."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"
    TOO_SLOW = "too_slow"
    FAILED = "failed"
    LATE = "late"  # the bot was off for too long
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
    """Who asks, and where: the server or chat, or None in private."""

    platform: str
    user: int
    place: int | None
    language: str = SPANISH

    @property
    def person(self) -> str:
        """The person's name in lists and limits, `discord:123`."""
        return f"{self.platform}:{self.user}"

    @property
    def server(self) -> str | None:
        """The server's or chat's name in lists and limits, None in private."""
        return None if self.place is None else f"{self.platform}:{self.place}"


@dataclass
class Job:
    """A phrase to be continued for somebody.

    origin: where the answer goes, in the platform's own terms; the core never looks inside.
    event: the key of the platform's event that asked for it, where events are kept.
    endings: how many endings are wanted to choose from, 0 for an ordinary answer; typed: sent by
    the platform while somebody types, so being refused is no sign of flooding.
    """

    phrase: str
    options: Options
    requester: Requester
    origin: Any
    private: bool = False
    endings: int = 0
    event: str | None = None
    typed: bool = False
    reference: str = field(default_factory=new_reference)
    asked: float = field(default_factory=time.monotonic)

    @property
    def language(self) -> str:
        """The language of everything that is said about this job."""
        return self.requester.language


@dataclass(frozen=True)
class Draft:
    """An unfinished answer: the phrase and what follows so far, or a note on the wait."""

    phrase: str = ""
    continuation: str = ""
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """A finished answer as it is shown; `notices` are sentences that go below it."""

    phrase: str
    continuation: str
    notices: tuple[str, ...]
    result: Result

    @classmethod
    def of(cls, result: Result, language: str) -> Answer:
        """The answer that shows this result."""
        return cls(
            phrase=result.phrase,
            continuation=result.continuation,
            notices=tuple(notices(result.dropped, result.truncated, language)),
            result=result,
        )
