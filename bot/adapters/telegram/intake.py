"""The one place where an update is taken in, before Telegram is told that we have it.

By polling that is the next `offset`, by webhook the answer 200; either comes after `take`, which
keeps in the store what somebody waits for. It leaves the store when it has been handled, or when
the job that came of it is kept there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any, TypeGuard

from telegram import Update

from bot.adapters.telegram.context import NAME, Event
from bot.adapters.telegram.dispatcher import Dispatcher
from bot.adapters.telegram.link import Link
from bot.net.tasks import TaskSet
from bot.store import Store

log = logging.getLogger(__name__)

REMEMBERED = 10_000  # updates, by number
# What somebody waits for. Inline queries are over in seconds and come with every keystroke.
KEPT = frozenset({"message", "callback_query", "guest_message"})


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

    def __init__(self, link: Link, dispatcher: Dispatcher, seen: Seen, store: Store) -> None:
        self._link, self._dispatcher, self._seen, self._store = link, dispatcher, seen, store
        self._tasks = TaskSet()

    async def take(self, *raws: object, waited: bool = False) -> int | None:
        """Take updates in; the highest of their numbers, None when none has one.

        waited: they were there before anybody asked for updates.

        Never raises for a malformed one: it is skipped with a line in the log, or it would be
        fetched for ever.
        """
        found = {raw["update_id"]: raw for raw in raws if _is_numbered(raw)}
        if len(found) < len(raws):
            log.warning("updates without a number of their own are skipped")
        kept = {str(number): raw for number, raw in found.items() if KEPT & raw.keys()}
        new = set(await self._store.receive(NAME, kept))
        for number, raw in found.items():
            key = str(number)
            if self._seen.add(number) and (key in new or key not in kept):
                await self._begin(raw, Event(key if key in kept else None, waited))
        return max(found, default=None)

    async def resume(self) -> None:
        """Handle what was taken in and not handled, by an earlier process or connection."""
        await self._go_on_with(await self._store.unhandled(NAME))

    async def take_over(self) -> None:
        """Handle, until cancelled, what other processes have taken in that are gone."""
        while True:
            await self._store.coordinator.renewed()
            await self._go_on_with(await self._store.coordinator.claim_orphaned_events(NAME))

    async def _go_on_with(self, kept: list[tuple[str, Any, float]]) -> None:
        for key, raw, _ in kept:
            self._seen.add(int(key))
            await self._begin(raw, Event(key, waited=True))

    async def _begin(self, raw: dict[str, Any], event: Event) -> None:
        self._tasks.start(self._handle(raw, event), f"update {raw['update_id']}")
        # One turn of the loop: what this update begins or ends (see bot.adapters.telegram.
        # messages) has begun or ended when the next one is looked at.
        await asyncio.sleep(0)

    async def _handle(self, raw: dict[str, Any], event: Event) -> None:
        if (update := self._parse(raw)) is not None:
            try:
                await self._dispatcher.handle(update, event)
            except Exception:  # so odd that even saying sorry fails
                log.exception("update %s cannot be answered at all", raw["update_id"])
        if event.key is not None and not event.taken:
            await self._store.handled(NAME, event.key)

    async def close(self) -> None:
        """Drop what is being handled; jobs that were begun go on."""
        await self._tasks.cancel()

    def _parse(self, raw: dict[str, Any]) -> Update | None:
        try:
            return Update.de_json(raw, self._link)
        except Exception as error:  # noqa: BLE001 (the library raises whatever a field is wrong by)
            number, kind = raw["update_id"], type(error).__name__
            log.warning("update %s is malformed and skipped: %s", number, kind)
            return None


def _is_numbered(raw: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(raw, dict) and isinstance(raw.get("update_id"), int)
