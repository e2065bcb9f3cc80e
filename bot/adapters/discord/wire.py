"""Requests about one interaction, repeated for as long as that may help.

An interaction is answered through addresses that hold its own token and take no other, so answers
go out even when the gateway is gone and the bot's token revoked. discord.py could send them, but it
retries neither a dropped connection nor a 429 without `Via`, ends with its gateway, and cannot
suppress previews in an edit. https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from discord import InteractionResponseType
from discord.http import Route

from model.errors import LitteraError

log = logging.getLogger(__name__)

Payload = dict[str, Any]

PICTURE_NAME = "litteragpt.png"
DESCRIPTION_LIMIT = 1024  # characters

# A first response later than three seconds after the event counts for nothing; the token holds for
# fifteen minutes.
RESPONSE_SECONDS = 2.8
TOKEN_SECONDS = 15 * 60.0 - 10.0
TRY_SECONDS = 15.0
DRAFT_SECONDS = 5.0
SOON, FIRST_DELAY, LONGEST_DELAY = 0.05, 0.5, 20.0

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
UNKNOWN_MESSAGE = 10008
ALREADY_ACKNOWLEDGED = 40060

_ORIGINAL = "/messages/@original"


@dataclass(frozen=True)
class Picture:
    """A PNG file that goes with a message, and what it shows, for those who do not see it."""

    data: bytes
    description: str

    def with_message(self, message: Payload) -> aiohttp.FormData:
        """A message with this as its only file.
        https://docs.discord.com/developers/reference#uploading-files"""
        about = {
            "id": 0,
            "filename": PICTURE_NAME,
            "description": self.description[:DESCRIPTION_LIMIT],
        }
        # Discord does not know a quoted bracket in the name of a field.
        form = aiohttp.FormData(quote_fields=False)
        payload = json.dumps(message | {"attachments": [about]})
        form.add_field("payload_json", payload, content_type="application/json")
        form.add_field("files[0]", self.data, filename=PICTURE_NAME, content_type="image/png")
        return form


class UndeliverableError(LitteraError):
    """Discord has refused, or time is over."""

    def __init__(self, status: int, code: int) -> None:
        self.status, self.code = status, code
        super().__init__(f"status {status}, code {code}" if status else "not in time")


@dataclass(frozen=True)
class Outcome:
    """What came of a request: its status (0 without an answer), the code of an error, and the
    seconds that Discord wants to be left in peace."""

    status: int
    code: int = 0
    wait: float | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return not 400 <= self.status < 500 or self.status == 429


@dataclass(frozen=True)
class Address:
    """Where an interaction is answered, in whichever process.

    begun: when it came, in seconds since 1970.
    """

    application: int
    interaction: int
    token: str
    begun: float

    @property
    def callback(self) -> str:
        """Where the first response goes."""
        return f"{Route.BASE}/interactions/{self.interaction}/{self.token}/callback"

    @property
    def webhook(self) -> str:
        """Where all that follows goes."""
        return f"{Route.BASE}/webhooks/{self.application}/{self.token}"

    @property
    def age(self) -> float:
        """Seconds since it came."""
        return time.time() - self.begun


class Wire:
    """The way to answer an interaction; `session` gives the HTTP session of the moment."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], address: Address) -> None:
        self._session, self._address = session, address

    async def respond(self, kind: InteractionResponseType, data: Payload) -> None:
        """Give the first response; raises UndeliverableError once that is too late."""
        body = {"type": kind.value, "data": data}
        try:
            await self._insist("POST", self._address.callback, body, None, SOON, RESPONSE_SECONDS)
        except UndeliverableError as error:
            # An earlier try that seemed to fail has arrived.
            if error.code != ALREADY_ACKNOWLEDGED:
                raise

    async def edit(self, message: Payload, picture: Picture | None = None) -> None:
        """Change the original answer; raises UndeliverableError."""
        await self._insist("PATCH", self._address.webhook + _ORIGINAL, message, picture)

    async def delete(self) -> None:
        """Remove the original answer; raises UndeliverableError."""
        await self._insist("DELETE", self._address.webhook + _ORIGINAL)

    async def post(self, message: Payload, picture: Picture | None = None) -> None:
        """Send a further message; raises UndeliverableError. Should a connection drop between
        Discord's deed and its word, the message comes twice, which is better than never."""
        await self._insist("POST", self._address.webhook, message, picture)

    async def try_edit(self, message: Payload) -> None:
        """Change the original answer, if that works at once."""
        try:
            async with asyncio.timeout(DRAFT_SECONDS):
                await self._try("PATCH", self._address.webhook + _ORIGINAL, message)
        except TimeoutError:
            log.debug("a draft took too long")

    async def _insist(
        self,
        method: str,
        url: str,
        body: Payload | None = None,
        picture: Picture | None = None,
        delay: float = FIRST_DELAY,
        seconds: float = TOKEN_SECONDS,
    ) -> None:
        """Try until it works, ever more slowly, in the seconds from the event on."""
        while True:
            outcome = await self._try(method, url, body, picture)
            if 200 <= outcome.status < 300:
                return
            wait = outcome.wait or delay * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)
            late = self._address.age + wait > seconds
            if late or not outcome.may_pass:
                raise UndeliverableError(outcome.status, outcome.code)
            await asyncio.sleep(wait)
            delay = min(2 * delay, LONGEST_DELAY)

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
                told = await _json(response)
                return Outcome(response.status, told.get("code", 0), _wait_of(response, told))
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("%s failed: %s", method, type(error).__name__)
            return Outcome(0)


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The body of an error; proxies between us and Discord answer in other ways."""
    try:
        told = await response.json(content_type=None)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _wait_of(response: aiohttp.ClientResponse, told: dict[str, Any]) -> float | None:
    if response.status != 429:
        return None
    try:
        return max(0.1, float(told.get("retry_after", response.headers.get("Retry-After", ""))))
    except (TypeError, ValueError):
        return None
