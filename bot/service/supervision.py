"""Supervision of a platform or one of its connections: run, log the failure, back off, repeat."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from bot.net.backoff import Backoff
from bot.requests.platform import RefusedError

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
# The backoff starts again after a run of this length.
STEADY_SECONDS = 60.0


class Supervised(Protocol):
    """A platform or one of its connections."""

    @property
    def name(self) -> str:
        """The name in the log."""

    async def run(self) -> None:
        """Serve until cancelled or the connection ends. Raises RefusedError if retrying is of no
        use, and any other error if it may help."""


async def supervise(platform: Supervised) -> RefusedError:
    """Run a platform or a connection until it is refused; returns the refusal.

    Exponential backoff up to a minute, with 20 % jitter so that many bots do not reconnect at once.
    """
    backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
    while True:
        started = time.monotonic()
        try:
            await platform.run()
            reason = "the connection ended"
        except RefusedError as error:
            log.error("%s is not served: %s", platform.name, error)
            return error
        except Exception as error:
            reason = _in_one_line(error)
            log.debug("%s failed", platform.name, exc_info=True)
        if time.monotonic() - started > STEADY_SECONDS:
            backoff.reset()
        log.warning("%s is down (%s); next try in %.0f s", platform.name, reason, backoff.delay)
        await asyncio.sleep(backoff.next())


def _in_one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    told = " ".join(str(error).split())
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
