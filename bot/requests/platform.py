"""What the core asks of a platform: five verbs for a job, and a life that can be supervised.

Adapters hold no model code and the core no platform code; this is all they know of each other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from bot.requests.endings import Endings
from bot.requests.job import Answer, Draft, Job
from bot.service.previews import Pace
from model.errors import LitteraError


class RefusedError(LitteraError):
    """The platform will never accept this configuration (a bad token, say): retrying is no use.

    Its text says in one Spanish sentence what to do, and holds no secret.
    """


# A line that is one of several counts as lost after so many seconds: most are back within one.
LOST_SECONDS = 5.0


class Line:
    """One of the lines over which a platform's events arrive, and how many times they began to.

    servers: how many it brought when its session began, None where that means nothing; latency:
    says how many seconds a word takes there and back, nan while that is not known.
    """

    def __init__(self) -> None:
        self.up = False
        self.times = 0
        self.servers: int | None = None
        self.latency: Callable[[], float] = lambda: math.nan
        self._fell: float | None = None

    def note(self, up: bool) -> None:
        """Note what is the case now."""
        if self.up and not up:
            self._fell = time.monotonic()
        self.times += up and not self.up
        self.up = up

    @property
    def reconnects(self) -> int:
        """How many times it came back."""
        return max(0, self.times - 1)

    @property
    def away(self) -> float:
        """Seconds since it fell, infinity when it never stood."""
        if self.up:
            return 0.0
        return math.inf if self._fell is None else time.monotonic() - self._fell


class Connection:
    """How it stands between the bot and a platform: over one line, or over some of several.

    lines: those of this process by number; total: how many there are in all processes, None for a
    platform that knows only one; closed_until: until which moment (time.monotonic) the platform
    lets nobody begin; standing_by: events go to another process that shares the store, and would
    come here if it ended.
    """

    def __init__(self, total: int | None = None) -> None:
        self.lines = {0: Line()}
        self.total = total
        self.closed_until = 0.0
        self.standing_by = False

    @property
    def up(self) -> bool:
        """Whether all events arrive."""
        return all(line.up for line in self.lines.values())

    @property
    def several(self) -> bool:
        """Whether events are spread over more lines than one, here or elsewhere."""
        return (self.total or 1) > 1

    @property
    def reconnects(self) -> int:
        """How many times lines came back."""
        return sum(line.reconnects for line in self.lines.values())

    @property
    def closed_for(self) -> float:
        """Seconds for which the platform still lets nobody begin."""
        return max(0.0, self.closed_until - time.monotonic())

    @property
    def lost(self) -> list[int]:
        """The numbers of the lines that are gone; of several, for longer than coming back takes."""
        patience = LOST_SECONDS if self.several else 0.0
        return [n for n, line in self.lines.items() if not line.up and line.away >= patience]

    def note(self, up: bool) -> None:
        """Note what is the case now, where there is one line."""
        self.lines[0].note(up)

    def spread(self, numbers: Iterable[int], total: int) -> None:
        """From now on these are the lines of this process; one that there was goes on."""
        self.lines = {number: self.lines.get(number) or Line() for number in numbers}
        self.total = total


class Platform(Protocol):
    """One platform: its connection and the way back for its jobs.

    None of the five verbs raises for a message that cannot be delivered: the adapter retries what
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

    async def offer(self, job: Job, endings: Endings) -> None:
        """Show endings to choose from, once; retried until they stand."""

    async def fail(self, job: Job, notice: str) -> None:
        """Say in one sentence why there is no answer; acknowledged or not."""
