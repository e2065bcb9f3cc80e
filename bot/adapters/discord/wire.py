"""HTTP requests about one interaction, with retries.

Their URLs contain the interaction's token and need no other, so answers are delivered even without
the gateway or after the bot's token was revoked. discord.py could send them, but it retries neither
a dropped connection nor a 429 without `Via`, ends with its gateway, and cannot suppress link
previews in an edit. https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from discord import InteractionResponseType
from discord.http import Route

from bot.net.backoff import Backoff
from model.errors import LitteraError

log = logging.getLogger(__name__)

Payload = dict[str, Any]

PICTURE_NAME = "litteragpt.png"
DESCRIPTION_LIMIT = 1024  # characters

# Discord accepts a first response for three seconds after the event, and the token for fifteen
# minutes.
RESPONSE_SECONDS = 2.8
TOKEN_SECONDS = 15 * 60.0 - 10.0
TRY_SECONDS = 15.0
PREVIEW_SECONDS = 5.0
SOON, FIRST_DELAY, LONGEST_DELAY = 0.05, 0.5, 20.0

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
UNKNOWN_MESSAGE = 10008
ALREADY_ACKNOWLEDGED = 40060

_ORIGINAL = "/messages/@original"


@dataclass(frozen=True)
class Picture:
    """A PNG file to attach, with its alternative text."""

    data: bytes
    description: str

    def with_message(self, message: Payload) -> aiohttp.FormData:
        """The form of a message with this as its only attachment.
        https://docs.discord.com/developers/reference#uploading-files"""
        about = {
            "id": 0,
            "filename": PICTURE_NAME,
            "description": self.description[:DESCRIPTION_LIMIT],
        }
        # Discord does not decode quoted brackets in field names.
        form = aiohttp.FormData(quote_fields=False)
        payload = json.dumps(message | {"attachments": [about]})
        form.add_field("payload_json", payload, content_type="application/json")
        form.add_field("files[0]", self.data, filename=PICTURE_NAME, content_type="image/png")
        return form


class UndeliverableError(LitteraError):
    """Discord refused the request, or time ran out."""

    def __init__(self, status: int, code: int) -> None:
        self.status, self.code = status, code
        super().__init__(f"status {status}, code {code}" if status else "not in time")


@dataclass(frozen=True)
class Outcome:
    """The result of a request."""

    # HTTP status, 0 without a response.
    status: int
    # Discord's error code.
    code: int = 0
    # Seconds to wait, from a 429.
    wait: float | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return not 400 <= self.status < 500 or self.status == 429


@dataclass(frozen=True)
class Address:
    """The identity of an interaction, enough to answer it from any process."""

    application: int
    interaction: int
    token: str
    # When it arrived, in seconds since 1970.
    begun: float

    @property
    def callback(self) -> str:
        """The URL of the first response."""
        return f"{Route.BASE}/interactions/{self.interaction}/{self.token}/callback"

    @property
    def webhook(self) -> str:
        """The URL of later messages."""
        return f"{Route.BASE}/webhooks/{self.application}/{self.token}"

    @property
    def age(self) -> float:
        """Seconds since it arrived."""
        return time.time() - self.begun


class Wire:
    """Sends the messages about one interaction; `session` returns the current HTTP session."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], address: Address) -> None:
        self._session, self._address = session, address

    async def respond(self, kind: InteractionResponseType, data: Payload) -> None:
        """Send the first response. Raises UndeliverableError once it is too late."""
        body = {"type": kind.value, "data": data}
        try:
            await self._insist("POST", self._address.callback, body, None, SOON, RESPONSE_SECONDS)
        except UndeliverableError as error:
            # An earlier attempt that seemed to fail has arrived.
            if error.code != ALREADY_ACKNOWLEDGED:
                raise

    async def edit(self, message: Payload, picture: Picture | None = None) -> None:
        """Edit the original answer. Raises UndeliverableError."""
        await self._insist("PATCH", self._address.webhook + _ORIGINAL, message, picture)

    async def delete(self) -> None:
        """Delete the original answer. Raises UndeliverableError."""
        await self._insist("DELETE", self._address.webhook + _ORIGINAL)

    async def post(self, message: Payload, picture: Picture | None = None) -> None:
        """Send another message, at least once: it appears twice if the connection drops before
        Discord's response. Raises UndeliverableError."""
        await self._insist("POST", self._address.webhook, message, picture)

    async def try_edit(self, message: Payload) -> None:
        """Edit the original answer, without retries or errors."""
        try:
            async with asyncio.timeout(PREVIEW_SECONDS):
                await self._try("PATCH", self._address.webhook + _ORIGINAL, message)
        except TimeoutError:
            log.debug("a preview took too long")

    async def _insist(
        self,
        method: str,
        url: str,
        body: Payload | None = None,
        picture: Picture | None = None,
        delay: float = FIRST_DELAY,
        seconds: float = TOKEN_SECONDS,
    ) -> None:
        """Retry with backoff, up to `seconds` after the event."""
        backoff = Backoff(delay, LONGEST_DELAY)
        while True:
            outcome = await self._try(method, url, body, picture)
            if 200 <= outcome.status < 300:
                return
            delay = backoff.next()
            wait = outcome.wait or delay
            late = self._address.age + wait > seconds
            if late or not outcome.may_pass:
                raise UndeliverableError(outcome.status, outcome.code)
            await asyncio.sleep(wait)

    async def _try(
        self, method: str, url: str, body: Payload | None, picture: Picture | None = None
    ) -> Outcome:
        timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)
        content: dict[str, Any] = {"json": body}
        if picture is not None and body is not None:
            content = {"data": picture.with_message(body)}
        try:
            session = self._session()
            async with session.request(method, url, timeout=timeout, **content) as response:
                if response.status < 400:
                    return Outcome(response.status)
                problem = await _json(response)
                return Outcome(response.status, problem.get("code", 0), _wait_of(response, problem))
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("%s failed: %s", method, type(error).__name__)
            return Outcome(0)


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The body of an error, empty if it is not Discord's: proxies answer with other formats."""
    try:
        problem = await response.json(content_type=None)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _wait_of(response: aiohttp.ClientResponse, problem: dict[str, Any]) -> float | None:
    if response.status != 429:
        return None
    try:
        return max(0.1, float(problem.get("retry_after", response.headers.get("Retry-After", ""))))
    except (TypeError, ValueError):
        return None
