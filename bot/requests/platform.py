"""The interface between the service and a platform's adapter.

Adapters contain no model code and the service no platform code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from bot.requests.connection import Connection
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from model.errors import LitteraError


@dataclass(frozen=True)
class Pace:
    """How often a platform shows previews of an answer."""

    first: float  # seconds from the request to the first preview
    every: float  # seconds between two previews
    whole: bool  # previews end with a sentence, or else with a word


SELDOM = Pace(first=1.5, every=1.0, whole=True)
AS_WRITTEN = Pace(first=0.0, every=0.0, whole=False)


class RefusedError(LitteraError):
    """The platform rejects this configuration (an invalid token, say) for good: do not retry.

    The message says in one Spanish sentence how to fix it, without secrets.
    """


class Platform(Protocol):
    """A platform: receives requests as jobs and delivers their answers.

    `acknowledge`, `progress`, `finish`, `offer` and `fail` do not raise if a message cannot be
    delivered: the adapter retries where that may help, logs other failures with the job's
    reference, and returns.
    """

    @property
    def name(self) -> str:
        """`discord`, `telegram` or `web`."""

    @property
    def connection(self) -> Connection:
        """The state of the connection."""

    @property
    def may_stay_silent(self) -> bool:
        """Whether a request may remain without any answer."""

    @property
    def patience(self) -> float:
        """Seconds after a request in which its answer can be delivered and is of use."""

    @property
    def pace(self) -> Pace:
        """How often previews are shown."""

    def pack(self, job: Job) -> Any:
        """A job's origin as JSON for a later process; None if a later answer would be of no use."""

    def unpack(self, origin: Any) -> Any:
        """The inverse of `pack`. Raises LookupError, TypeError or ValueError for an invalid one."""

    async def run(self) -> None:
        """Connect and serve until cancelled, and close everything. Raises RefusedError if retrying
        is of no use, and any other error if it may help."""

    async def acknowledge(self, job: Job) -> None:
        """Show at once that the job was accepted."""

    async def progress(self, job: Job, preview: Preview) -> None:
        """Show a preview; may be dropped if the platform's rate limit is close."""

    async def finish(self, job: Job, answer: Answer) -> None:
        """Deliver the answer once, with retries."""

    async def offer(self, job: Job, endings: Endings) -> None:
        """Deliver endings to choose from once, with retries."""

    async def fail(self, job: Job, notice: str) -> None:
        """Show in one sentence why there is no answer, acknowledged or not."""
