"""The one place where an update is taken in, before Telegram is told that we have it.

By polling that is the next `offset`, by webhook the answer 200; either comes after `take`, so a
durable inbox belongs here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from telegram import Update

from bot.adapters.telegram.dispatcher import Dispatcher
from bot.adapters.telegram.link import Link

log = logging.getLogger(__name__)

REMEMBERED = 10_000  # updates, by number


class Seen:
    """The numbers of the updates taken last; outlives a connection."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[int, None] = OrderedDict()

    def add(self, number: int) -> bool:
        """Note a number; False when it was there."""
        if number in self._numbers:
            return False
        self._numbers[number] = None
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)
        return True


class Intake:
    """Takes updates as they come and handles each in a task of its own: a chat that is slow to
    answer keeps nobody waiting."""

    def __init__(self, link: Link, dispatcher: Dispatcher, seen: Seen) -> None:
        self._link, self._dispatcher, self._seen = link, dispatcher, seen
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, raw: object) -> int | None:
        """Take an update in; its number, None for something that has none.

        Never raises for a malformed one: it is skipped with a line in the log, or it would be
        fetched for ever.
        """
        number = raw.get("update_id") if isinstance(raw, dict) else None
        if not isinstance(number, int) or not isinstance(raw, dict):
            log.warning("an update without a number is skipped")
            return None
        if not self._seen.add(number):
            return number
        if (update := self._parse(number, raw)) is not None:
            task = asyncio.create_task(self._dispatcher.handle(update), name=f"update {number}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # One turn of the loop: what this update begins or ends (see bot.adapters.telegram.
            # messages) has begun or ended when the next one is looked at.
            await asyncio.sleep(0)
        return number

    async def close(self) -> None:
        """Drop what is being handled; jobs that were begun go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _parse(self, number: int, raw: dict[str, Any]) -> Update | None:
        try:
            return Update.de_json(raw, self._link)
        except Exception as error:  # noqa: BLE001 (the library raises whatever a field is wrong by)
            log.warning("update %s is malformed and skipped: %s", number, type(error).__name__)
            return None
