"""Long polling for updates (https://core.telegram.org/bots/api#getupdates).

The library's Updater confirms updates before they are stored; this loop stores them first. It
retries with backoff and logs each kind of error once.

Of several processes the leader polls. It continues while the database is unreachable, but stops
once Telegram reports another poller (409), which is then the leader.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.adapters.telegram.connection import BotConnection, summarize_error
from bot.adapters.telegram.intake import Intake
from bot.adapters.telegram.rate_limiter import seconds_of
from bot.net.backoff import Backoff
from bot.requests.platform import RefusedError
from bot.store.coordination import LeaderLease
from bot.texts import say

log = logging.getLogger(__name__)

# A poll is abandoned this much later than its timeout: a dropped connection may never return.
GRACE_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0
# Two programs with one token conflict for ever, so that is logged rarely.
CONFLICT_DELAY, CONFLICT_QUIET_SECONDS = 2.0, 600.0


class Polling:
    """Fetches updates; calls `report` with whether they arrive."""

    def __init__(
        self,
        bot: BotConnection,
        intake: Intake,
        lead: LeaderLease,
        seconds: int,
        report: Callable[[bool], None],
    ) -> None:
        self._bot, self._intake, self._seconds, self._report = bot, intake, seconds, report
        self._lead = lead
        self._offset = 0
        self._logged: set[str] = set()  # kinds of errors since the last success
        self._conflict_logged = -CONFLICT_QUIET_SECONDS

    async def run(self) -> None:
        """Poll until cancelled or until another process polls. Raises RefusedError for a revoked
        token."""
        backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
        steady = False  # the first poll, and the first after an error, do not wait
        first = True
        while True:
            try:
                updates = await self._poll(self._seconds if steady else 0)
            except InvalidToken:
                raise RefusedError(say("telegram_refused")) from None
            except (TelegramError, TimeoutError) as error:
                if isinstance(error, Conflict) and not self._lead.held:
                    log.info("another process has begun to fetch updates; leaving it to that")
                    return
                steady = False
                self._note(error)
                await asyncio.sleep(_pause_after(error, backoff.next()))
                continue
            steady = True
            backoff.reset()
            self._recovered()
            await self._take(updates, waited=first)
            first = False

    async def _poll(self, wait: int) -> list[dict[str, Any]]:
        limit = wait + GRACE_SECONDS
        # The read timeout must be longer: the connection is silent without new updates.
        patience = limit + GRACE_SECONDS
        return await asyncio.wait_for(self._bot.raw_updates(self._offset, wait, patience), limit)

    async def _take(self, updates: list[dict[str, Any]], *, waited: bool) -> None:
        number = await self._intake.take(*updates, waited=waited)
        if number is not None and number >= self._offset:
            self._offset = number + 1
        elif updates:
            await asyncio.sleep(FIRST_DELAY)  # none can be confirmed: avoid a busy loop

    def _note(self, error: Exception) -> None:
        self._report(False)
        kind = type(error).__name__
        if kind in self._logged:
            return
        if isinstance(error, Conflict):
            now = time.monotonic()
            if now - self._conflict_logged < CONFLICT_QUIET_SECONDS:
                return
            self._conflict_logged = now
            log.warning("another program fetches this bot's updates from Telegram; trying again")
        elif isinstance(error, TimeoutError):
            log.warning("Telegram does not answer a poll; trying again")
        else:
            log.warning("no updates from Telegram (%s); trying again", summarize_error(error))
        self._logged.add(kind)

    def _recovered(self) -> None:
        self._report(True)
        if self._logged:
            self._logged.clear()
            log.info("updates from Telegram arrive again")


def _pause_after(error: Exception, delay: float) -> float:
    if isinstance(error, RetryAfter):
        return seconds_of(error)
    if isinstance(error, Conflict):
        return max(delay, CONFLICT_DELAY)
    return delay
