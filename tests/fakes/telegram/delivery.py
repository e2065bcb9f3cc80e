"""Delivery of updates by getUpdates or a webhook, which exclude each other.

As in tdlib/telegram-bot-api: a poll confirms everything below its offset permanently; a poll during
another one replaces it, and the *older* one gets 409; setting a webhook ends a waiting poll in the
same way."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fakes.telegram.errors import ApiError
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.updates import Updates
from tests.fakes.telegram.waiting import Changes, Clock
from tests.fakes.telegram.webhook import Deliveries, Webhook

LONGEST_POLL = 50  # seconds
OTHER_POLLER = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
_WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook "
    "first"
)


class Delivery:
    """Delivers updates to the client. Methods are Bot API methods in snake case.

    connections: number of accepted getUpdates and setWebhook calls."""

    def __init__(self, updates: Updates, clock: Clock, changes: Changes) -> None:
        self.connections = 0
        self.webhook: Webhook | None = None
        self.deliveries = Deliveries()
        self._updates, self._clock, self._changes = updates, clock, changes
        self._waiting: asyncio.Future[ApiError] | None = None

    @property
    def is_polling(self) -> bool:
        """Whether a client is polling now."""
        return self._waiting is not None

    async def get_updates(self, parameters: Parameters) -> list[dict[str, Any]]:
        if self.webhook is not None:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        self._end_poll(OTHER_POLLER)
        self._updates.allow(parameters.structure("allowed_updates"))
        limit = min(max(parameters.integer("limit", 100), 1), 100)
        self.connections += 1
        self._updates.confirm_below(parameters.integer("offset"))
        seconds = min(max(parameters.integer("timeout"), 0), LONGEST_POLL)
        if seconds and not self._updates.pending():
            await self._wait(seconds)
        return [update.body for update in self._updates.pending()[:limit]]

    async def set_webhook(self, parameters: Parameters) -> bool:
        if not (url := parameters.text("url")):
            return await self.delete_webhook(parameters)
        connections = parameters.integer("max_connections", 40)
        webhook = Webhook(url, parameters.text("secret_token"), connections)
        await self.delete_webhook(parameters)
        self._updates.allow(parameters.structure("allowed_updates"))
        self._end_poll("terminated by setWebhook request")
        self.webhook = webhook
        webhook.start(self._updates, self.deliveries, self._clock, self._changes)
        self.connections += 1
        return True

    async def delete_webhook(self, parameters: Parameters) -> bool:
        if self.webhook is not None:
            await self.webhook.stop()
            self.webhook = None
        if parameters.flag("drop_pending_updates"):
            self._updates.drop()
        return True

    async def get_webhook_info(self, parameters: Parameters) -> dict[str, Any]:
        info: dict[str, Any] = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates.pending()),
        }
        if self.webhook:
            info |= {"max_connections": self.webhook.max_connections, "ip_address": "127.0.0.1"}
        if self.webhook and self.deliveries.last_error:
            info["last_error_date"] = int(self.deliveries.last_error_at)
            info["last_error_message"] = self.deliveries.last_error
        if self._updates.allowed is not None:
            info["allowed_updates"] = sorted(self._updates.allowed)
        return info

    async def end(self) -> None:
        """Release all waiting polls."""
        if self.webhook is not None:
            await self.webhook.stop()
        self._end_poll("the server ends")

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = end = loop.create_future()
        deadline = loop.time() + seconds
        try:
            while not self._updates.pending() and (left := deadline - loop.time()) > 0:
                change = self._changes.next()
                await asyncio.wait({change, end}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if end.done():
                    raise end.result()
        finally:
            if self._waiting is end:
                self._waiting = None

    def _end_poll(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(ApiError(409, why))
        self._waiting = None
