"""Keeping a platform or one of its connections alive, whatever the others do: run, report in a
line, wait, run again."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from bot.net.backoff import Backoff
from bot.requests.platform import RefusedError

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
# Who has served for so long starts again without delay, whatever happened before.
STEADY_SECONDS = 60.0


class Supervised(Protocol):
    """What has a life that can begin again: a platform, or one of its connections."""

    @property
    def name(self) -> str:
        """How it is called in the log."""

    async def run(self) -> None:
        """One life. Raises RefusedError where retrying is no use, anything else where it may be."""


async def supervise(platform: Supervised) -> RefusedError:
    """Run a platform or a part of it for ever; what it is refused for, once retrying is no use.

    Each failure doubles the delay before the next try, up to a minute, with a fifth of chance in
    it, so that many bots do not come back to a platform in the same second.
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
