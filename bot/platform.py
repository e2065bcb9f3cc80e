"""What the core asks of a platform: four verbs for a job, and a life that can be supervised.

Adapters hold no model code and the core no platform code; this is all they know of each other.
"""

from __future__ import annotations

from typing import Any, Protocol

from bot.drafts import Pace
from bot.jobs import Answer, Draft, Job
from model.errors import LitteraError


class RefusedError(LitteraError):
    """The platform will never accept this configuration (a bad token, say): retrying is no use.

    Its text says in one Spanish sentence what to do, and holds no secret.
    """


class Connection:
    """Whether a platform's events arrive, and how many times they began to.

    standing_by: they go to another process that shares the store, and would come here if it ended.
    """

    def __init__(self) -> None:
        self.up = False
        self.times = 0
        self.standing_by = False

    def note(self, up: bool) -> None:
        """Note what is the case now."""
        self.times += up and not self.up
        self.up = up


class Platform(Protocol):
    """One platform: its connection and the way back for its jobs.

    None of the four verbs raises for a message that cannot be delivered: the adapter retries what
    can be retried, logs the rest under the job's reference, and returns.
    """

    @property
    def name(self) -> str:
        """`discord`, `telegram` or `web`."""

    @property
    def connection(self) -> Connection:
        """How it stands between the bot and the platform."""

    @property
    def may_stay_silent(self) -> bool:
        """Whether a request may go without any answer at all."""

    @property
    def patience(self) -> float:
        """Seconds after a request in which its answer can still be given, and is still welcome."""

    @property
    def pace(self) -> Pace:
        """How unfinished answers are to be shown."""

    def pack(self, job: Job) -> Any:
        """A job's origin as JSON can hold it, for a process that comes after this one; None when it
        would come too late anyway."""

    def unpack(self, origin: Any) -> Any:
        """What `pack` made an origin again; LookupError, TypeError or ValueError if it is none."""

    async def run(self) -> None:
        """Connect and serve until cancelled. Raises RefusedError where retrying is no use and
        anything else where it may help; leaves nothing open behind it."""

    async def acknowledge(self, job: Job) -> None:
        """Show at once that the job was taken."""

    async def progress(self, job: Job, draft: Draft) -> None:
        """Show an unfinished answer; may be dropped when the platform is short of patience."""

    async def finish(self, job: Job, answer: Answer) -> None:
        """Show the answer, once; retried until it stands."""

    async def fail(self, job: Job, notice: str) -> None:
        """Say in one sentence why there is no answer; acknowledged or not."""
