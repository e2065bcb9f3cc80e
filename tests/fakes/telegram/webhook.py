"""Webhook deliveries: in order within a chat, in parallel across chats, and repeated until the
client responds with 2xx."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from tests.fakes.telegram.errors import bad_request
from tests.fakes.telegram.updates import Pending, Updates
from tests.fakes.telegram.waiting import Changes, Clock

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
PORTS = (443, 80, 88, 8443)


@dataclass
class Deliveries:
    """Configuration and log of deliveries.

    log: (update id, HTTP status; 0 without a response) of every attempt.
    retry_seconds: pause after a failure.
    lost_answers: number of successful responses to lose, so that their updates repeat.
    routes: loopback address for a prefix of a webhook URL."""

    log: list[tuple[int, int]] = field(default_factory=list)
    retry_seconds: float = 0.1
    lost_answers: int = 0
    routes: dict[str, str] = field(default_factory=dict)
    last_error: str = ""
    last_error_at: float = 0.0


class Webhook:
    """The target of deliveries between `start` and `stop`. Raises ApiError for an invalid URL."""

    def __init__(self, url: str, secret: str, max_connections: int) -> None:
        _check(url, secret, max_connections)
        self.url, self.secret, self.max_connections = url, secret, max_connections
        self._task: asyncio.Task[None] | None = None

    def start(self, updates: Updates, deliveries: Deliveries, clock: Clock, wake: Changes) -> None:
        """Start to deliver pending updates."""
        self._updates, self._deliveries = updates, deliveries
        self._clock, self._changes = clock, wake
        self._task = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        """Stop delivering."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _deliver(self) -> None:
        running: dict[asyncio.Task[None], Pending] = {}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
            try:
                while True:
                    busy = {update.chat_id for update in running.values()}
                    for update in self._updates.pending():
                        if len(running) >= self.max_connections:
                            break
                        if update.chat_id not in busy:
                            busy.add(update.chat_id)
                            running[asyncio.create_task(self._send(session, update))] = update
                    change = self._changes.next()
                    await asyncio.wait({change, *running}, return_when=asyncio.FIRST_COMPLETED)
                    running = {task: sent for task, sent in running.items() if not task.done()}
            finally:
                for task in running:
                    task.cancel()

    async def _send(self, session: aiohttp.ClientSession, update: Pending) -> None:
        status, error = 0, ""
        url = _routed(self.url, self._deliveries.routes)
        headers = {SECRET_HEADER: self.secret} if self.secret else {}
        try:
            async with session.post(url, json=update.body, headers=headers) as response:
                status = response.status
                error = f"Wrong response from the webhook: {status}"
        except (aiohttp.ClientError, TimeoutError) as problem:
            error = f"Connection failed: {problem}"
        self._deliveries.log.append((update.id, status))
        if 200 <= status < 300 and not self._deliveries.lost_answers:
            self._updates.confirm(update)
            return
        if 200 <= status < 300:
            self._deliveries.lost_answers -= 1
        self._deliveries.last_error, self._deliveries.last_error_at = error, self._clock.now()
        self._changes.happened()
        await asyncio.sleep(self._deliveries.retry_seconds)


def _routed(url: str, routes: Mapping[str, str]) -> str:
    for public, local in routes.items():
        if url.startswith(public):
            return local + url.removeprefix(public)
    return url


def _check(url: str, secret: str, connections: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    # Telegram delivers by HTTPS to four ports; plain HTTP is for tests on the loopback interface.
    if not _is_loopback(parts.hostname):
        if parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in PORTS:
            why = "Webhook can be set up only on ports 80, 88, 443 or 8443"
            raise bad_request(f"bad webhook: {why}")
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
