"""The update queue, and the two ways out of it: getUpdates and a webhook.

As tdlib/telegram-bot-api does it: a poll confirms everything below its offset for good; a poll that
comes while another one waits takes its place, and the *older* one is answered with 409; setting a
webhook ends a waiting poll; updates live for 24 hours; `allowed_updates` is kept from call to call
and decides what is queued, not what is handed out.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.fakes.telegram.errors import ApiError, bad_request
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.waiting import Changes, Clock

LIFETIME = 24 * 3600.0
LONGEST_POLL = 50
# What a client gets only when it asks for it by name.
OPT_IN = {"chat_member", "message_reaction", "message_reaction_count"}
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
OTHER_POLLER = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
_WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook "
    "first"
)


@dataclass(frozen=True)
class Pending:
    """An update that has not been confirmed."""

    id: int
    kind: str
    body: dict[str, Any]
    at: float


@dataclass
class Webhook:
    """Where updates are sent to, and how that went."""

    url: str
    secret: str
    max_connections: int
    deliveries: list[tuple[int, int]] = field(default_factory=list)  # (update id, HTTP status)
    last_error: str = ""
    last_error_at: float = 0.0


class Updates:
    """The queue. `connected` is set by the first getUpdates or setWebhook that is let in.

    `retry_seconds` is how long a webhook delivery that failed waits for its next try.
    """

    def __init__(self, clock: Clock, changes: Changes, violations: list[str]) -> None:
        self.connected = False
        self.confirmed: set[int] = set()
        self.dropped: set[int] = set()  # by drop_pending_updates
        self.expired: set[int] = set()
        self.ignored: list[str] = []  # kinds that happened and were not allowed
        self.webhook: Webhook | None = None
        self.deliveries: list[tuple[int, int]] = []  # of all webhooks: (update id, HTTP status)
        self.retry_seconds = 0.1
        self._clock, self._changes, self._violations = clock, changes, violations
        self._pending: list[Pending] = []
        self._next_id = 100_000_001
        self._allowed: set[str] | None = None
        self._waiting: asyncio.Future[ApiError] | None = None
        self._delivery: asyncio.Task[None] | None = None

    def push(self, kind: str, payload: dict[str, Any]) -> int:
        """Queue an update of this kind, unless the client does not want it; its id."""
        return self.push_raw({kind: payload}, kind)

    def push_raw(self, body: dict[str, Any], kind: str = "") -> int:
        """Queue an update with any content; its id."""
        number = self._next_id
        self._next_id += 1
        if kind and not self._wants(kind):
            self.ignored.append(kind)
            return number
        now = self._clock.now()
        self._pending.append(Pending(number, kind, {"update_id": number} | body, now))
        self._changes.happened()
        return number

    def is_pending(self, update_id: int) -> bool:
        """Whether the update still waits to be confirmed."""
        self._expire()
        return any(update.id == update_id for update in self._pending)

    async def get_updates(self, parameters: Parameters) -> list[dict[str, Any]]:
        """The Bot API method."""
        if self.webhook is not None:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        self._end_poll(ApiError(409, OTHER_POLLER, offence=False), OTHER_POLLER)
        self._allow(parameters)
        offset = parameters.integer("offset")
        limit = min(max(parameters.integer("limit", 100), 1), 100)
        timeout = min(max(parameters.integer("timeout"), 0), LONGEST_POLL)
        self.connected = True
        self._confirm(offset)
        self._changes.happened()
        if not self._pending and timeout:
            await self._wait(timeout)
        # A negative offset has forgotten the older updates in _confirm.
        return [update.body for update in self._pending[:limit]]

    async def set_webhook(self, parameters: Parameters) -> bool:
        """The Bot API method; an empty url is deleteWebhook."""
        url = parameters.text("url")
        if not url:
            return await self.delete_webhook(parameters)
        secret, connections = (
            parameters.text("secret_token"),
            parameters.integer("max_connections", 40),
        )
        _check_webhook(url, secret, connections)
        self._allow(parameters)
        self._end_poll(ApiError(409, "terminated by setWebhook request"), "")
        if parameters.flag("drop_pending_updates"):
            self._drop()
        await self._stop_delivery()
        self.webhook = Webhook(url, secret, connections, self.deliveries)
        self._delivery = asyncio.create_task(self._deliver(self.webhook))
        self.connected = True
        self._changes.happened()
        return True

    async def delete_webhook(self, parameters: Parameters) -> bool:
        """The Bot API method."""
        await self._stop_delivery()
        self.webhook = None
        if parameters.flag("drop_pending_updates"):
            self._drop()
        self._changes.happened()
        return True

    async def get_webhook_info(self, parameters: Parameters) -> dict[str, Any]:
        """The Bot API method."""
        self._expire()
        info: dict[str, Any] = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._pending),
        }
        if self.webhook:
            info |= {"max_connections": self.webhook.max_connections, "ip_address": "127.0.0.1"}
            if self.webhook.last_error:
                info["last_error_date"] = int(self.webhook.last_error_at)
                info["last_error_message"] = self.webhook.last_error
        if self._allowed is not None:
            info["allowed_updates"] = sorted(self._allowed)
        return info

    async def close(self) -> None:
        """Let go of everyone who waits."""
        await self._stop_delivery()
        self._end_poll(ApiError(502), "")

    def _wants(self, kind: str) -> bool:
        return kind not in OPT_IN if self._allowed is None else kind in self._allowed

    def _allow(self, parameters: Parameters) -> None:
        wanted = parameters.structure("allowed_updates")
        if wanted is not None:
            self._allowed = set(wanted) or None

    def _confirm(self, offset: int) -> None:
        self._expire()
        if offset < 0:
            offset = self._pending[offset:][0].id if self._pending else 0
        self.confirmed |= {update.id for update in self._pending if update.id < offset}
        self._pending = [update for update in self._pending if update.id >= offset]

    def _drop(self) -> None:
        self.dropped |= {update.id for update in self._pending}
        self._pending.clear()

    def _expire(self) -> None:
        oldest = self._clock.now() - LIFETIME
        self.expired |= {update.id for update in self._pending if update.at < oldest}
        self._pending = [update for update in self._pending if update.at >= oldest]

    async def _wait(self, seconds: float) -> None:
        end = asyncio.get_running_loop().create_future()
        self._waiting = end
        try:
            deadline = asyncio.get_running_loop().time() + seconds
            while not self._pending and not end.done():
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return
                change = asyncio.ensure_future(self._changes.within(left))
                await asyncio.wait({change, end}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
            if end.done():
                raise end.result()
        finally:
            if self._waiting is end:
                self._waiting = None

    def _end_poll(self, refusal: ApiError, offence: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(refusal)
            if offence:
                self._violations.append(f"getUpdates: {offence}")
        self._waiting = None

    async def _stop_delivery(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            with suppress(asyncio.CancelledError):
                await self._delivery
            self._delivery = None

    async def _deliver(self, webhook: Webhook) -> None:
        """Send what is pending, up to max_connections at a time and no two of one chat; what is
        not answered with 2xx is sent again, ahead of what came later."""
        running: dict[asyncio.Task[None], Pending] = {}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
            try:
                while True:
                    self._expire()
                    busy = {_lane(update) for update in running.values()}
                    for update in self._pending:
                        if len(running) >= webhook.max_connections:
                            break
                        if _lane(update) not in busy:
                            busy.add(_lane(update))
                            task = asyncio.create_task(self._send(session, webhook, update))
                            running[task] = update
                    change = asyncio.ensure_future(self._changes.within(1.0))
                    await asyncio.wait({change, *running}, return_when=asyncio.FIRST_COMPLETED)
                    change.cancel()
                    running = {task: sent for task, sent in running.items() if not task.done()}
            finally:
                for task in running:
                    task.cancel()

    async def _send(
        self, session: aiohttp.ClientSession, webhook: Webhook, update: Pending
    ) -> None:
        headers = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        status = 0
        try:
            async with session.post(webhook.url, json=update.body, headers=headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            webhook.last_error = f"Connection failed: {error}"
        webhook.deliveries.append((update.id, status))
        if 200 <= status < 300:
            self.confirmed.add(update.id)
            self._pending = [other for other in self._pending if other.id != update.id]
            self._changes.happened()
            return
        if status:
            webhook.last_error = f"Wrong response from the webhook: {status}"
        webhook.last_error_at = self._clock.now()
        self._changes.happened()
        await asyncio.sleep(self.retry_seconds)


def _lane(update: Pending) -> object:
    body = update.body.get(update.kind)
    message = body.get("message", body) if isinstance(body, dict) else {}
    return message.get("chat", {}).get("id", update.id)


def _check_webhook(url: str, secret: str, connections: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    # Telegram delivers by HTTPS to four ports; plain HTTP is for tests on the loopback interface.
    if not _is_loopback(parts.hostname):
        if parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in (443, 80, 88, 8443):
            raise bad_request(
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"
            )
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise bad_request("secret token contains unallowed characters")
    if not 1 <= connections <= 100:
        raise bad_request("max_connections must be between 1 and 100")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
