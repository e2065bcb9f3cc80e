"""Long polling: ask for updates, take them in, ask again (https://core.telegram.org/bots/api#getupdates).

A loop of our own, since the library's Updater confirms updates before anybody has seen them. It
mends what can be mended and says so once, not for every try.

Of several processes one polls. While the database that says which is away, the one that polled goes
on, for who else should; but Telegram gives way to whoever asked last, and once that is another
process it is not this one's turn any more.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.adapters.telegram.intake import Intake
from bot.adapters.telegram.link import Link, in_short
from bot.adapters.telegram.rate_limiter import seconds_of
from bot.requests.platform import RefusedError
from bot.store.coordination import LeaderLease
from bot.texts import say

log = logging.getLogger(__name__)

# How much longer than asked a poll may take before it is abandoned: a connection that was lost
# without a word never returns.
GRACE_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0
# Two programs with one token take the updates from each other for ever: that is told seldom.
CONFLICT_DELAY, CONFLICT_QUIET_SECONDS = 2.0, 600.0


class Polling:
    """Fetches updates; `report` is told whether they arrive."""

    def __init__(
        self,
        link: Link,
        intake: Intake,
        lead: LeaderLease,
        seconds: int,
        report: Callable[[bool], None],
    ) -> None:
        self._link, self._intake, self._seconds, self._report = link, intake, seconds, report
        self._lead = lead
        self._offset = 0
        self._told: set[str] = set()  # the troubles of this time that the log has
        self._conflict_told = -CONFLICT_QUIET_SECONDS

    async def run(self) -> None:
        """Poll until cancelled, or until it is another process's turn. Raises RefusedError for a
        token that was revoked."""
        delay = FIRST_DELAY
        steady = False  # the first poll, and the first after trouble, only ask what is there
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
                await asyncio.sleep(_pause_after(error, delay))
                delay = min(2 * delay, LONGEST_DELAY)
                continue
            steady, delay = True, FIRST_DELAY
            self._recovered()
            await self._take(updates, waited=first)
            first = False

    async def _poll(self, wait: int) -> list[dict[str, Any]]:
        limit = wait + GRACE_SECONDS
        # The connection itself is to be patient for longer: it is silent while nobody writes.
        patience = limit + GRACE_SECONDS
        return await asyncio.wait_for(self._link.raw_updates(self._offset, wait, patience), limit)

    async def _take(self, updates: list[dict[str, Any]], *, waited: bool) -> None:
        number = await self._intake.take(*updates, waited=waited)
        if number is not None and number >= self._offset:
            self._offset = number + 1
        elif updates:
            await asyncio.sleep(FIRST_DELAY)  # nothing that could be confirmed: no hot loop

    def _note(self, error: Exception) -> None:
        self._report(False)
        kind = type(error).__name__
        if kind in self._told:
            return
        if isinstance(error, Conflict):
            now = time.monotonic()
            if now - self._conflict_told < CONFLICT_QUIET_SECONDS:
                return
            self._conflict_told = now
            log.warning("another program fetches this bot's updates from Telegram; trying again")
        elif isinstance(error, TimeoutError):
            log.warning("Telegram does not answer a poll; beginning anew")
        else:
            log.warning("no updates from Telegram (%s); trying again", in_short(error))
        self._told.add(kind)

    def _recovered(self) -> None:
        self._report(True)
        if self._told:
            self._told.clear()
            log.info("updates from Telegram arrive again")


def _pause_after(error: Exception, delay: float) -> float:
    if isinstance(error, RetryAfter):
        return seconds_of(error)
    if isinstance(error, Conflict):
        return max(delay, CONFLICT_DELAY)
    return delay * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)
