"""Intake of updates, before they are confirmed to Telegram.

Polling confirms by the next `offset`, the webhook by its response 200. Both follow `take`, which
stores each update whose sender waits for an answer. The update leaves the store when it has been
handled, or when the store has its job.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any, TypeGuard

from telegram import Update

from bot.adapters.telegram.connection import BotConnection
from bot.adapters.telegram.context import NAME, Event
from bot.adapters.telegram.dispatcher import Dispatcher
from bot.net.tasks import TaskSet
from bot.store import Store

log = logging.getLogger(__name__)

REMEMBERED = 10_000  # ids of updates
# Kinds that are stored. Inline queries expire in seconds and arrive with every keystroke.
KEPT = frozenset({"message", "callback_query", "guest_message"})


class Seen:
    """The ids of the last updates, across connections."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[int, None] = OrderedDict()

    def add(self, number: int) -> bool:
        """Add an id; False if it was there."""
        if number in self._numbers:
            return False
        self._numbers[number] = None
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)
        return True


class Intake:
    """Handles each update in its own task, so that a slow chat delays no other."""

    def __init__(
        self, bot: BotConnection, dispatcher: Dispatcher, seen: Seen, store: Store
    ) -> None:
        self._bot, self._dispatcher, self._seen, self._store = bot, dispatcher, seen, store
        self._tasks = TaskSet()

    async def take(self, *raws: object, waited: bool = False) -> int | None:
        """Store updates and begin to handle them; the highest id, None if none has one.

        Logs and skips malformed updates: an error would make Telegram deliver them for ever.

        waited: whether they arrived before this connection.
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
        """Handle stored updates that an earlier process or connection left unhandled."""
        await self._handle_stored(await self._store.unhandled(NAME))

    async def take_over(self) -> None:
        """Handle stored updates of dead processes, until cancelled."""
        while True:
            await self._store.coordinator.renewed()
            await self._handle_stored(await self._store.coordinator.claim_orphaned_events(NAME))

    async def _handle_stored(self, kept: list[tuple[str, Any, float]]) -> None:
        for key, raw, _ in kept:
            self._seen.add(int(key))
            await self._begin(raw, Event(key, waited=True))

    async def _begin(self, raw: dict[str, Any], event: Event) -> None:
        self._tasks.start(self._handle(raw, event), f"update {raw['update_id']}")
        # One turn of the event loop, in which the handler runs up to its first await: updates take
        # effect in order (see bot.adapters.telegram.messages).
        await asyncio.sleep(0)

    async def _handle(self, raw: dict[str, Any], event: Event) -> None:
        if (update := self._parse(raw)) is not None:
            try:
                await self._dispatcher.handle(update, event)
            except Exception:  # even the apology failed
                log.exception("update %s cannot be answered at all", raw["update_id"])
        if event.key is not None and not event.taken:
            await self._store.handled(NAME, event.key)

    async def close(self) -> None:
        """Cancel running handlers; their jobs continue."""
        await self._tasks.cancel()

    def _parse(self, raw: dict[str, Any]) -> Update | None:
        try:
            return Update.de_json(raw, self._bot)
        except Exception as error:  # noqa: BLE001 (the library raises errors of any type)
            number, kind = raw["update_id"], type(error).__name__
            log.warning("update %s is malformed and skipped: %s", number, kind)
            return None


def _is_numbered(raw: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(raw, dict) and isinstance(raw.get("update_id"), int)
