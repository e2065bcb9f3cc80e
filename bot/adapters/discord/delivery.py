"""The answer to one interaction: acknowledged in time, edited until it stands.

discord.py acknowledges. What follows goes through the interaction's webhook, which takes no
gateway and no bot token, and is sent from here: the library retries neither a dropped connection
nor a 429 without `Via`, holds a lock while it sleeps, and cannot suppress previews in an edit.
https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from bot.adapters.discord.messages import Payload, notice_message
from model.errors import LitteraError

log = logging.getLogger(__name__)

# An acknowledgement later than three seconds after the event counts for nothing.
ACKNOWLEDGE_SECONDS = 2.8
# The token holds for fifteen minutes after the event.
TOKEN_SECONDS = 15 * 60.0 - 10.0
TRY_SECONDS = 15.0
DRAFT_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.5, 20.0

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
UNKNOWN_MESSAGE = 10008
ALREADY_ACKNOWLEDGED = 40060

EPHEMERAL = discord.MessageFlags(ephemeral=True).value
# What a connection may die of; also what discord.py lets through.
CONNECTION_ERRORS = (OSError, aiohttp.ClientError, TimeoutError)


class UndeliverableError(LitteraError):
    """Discord has refused, or time is over."""

    def __init__(self, status: int, code: int = 0) -> None:
        self.status, self.code = status, code
        super().__init__(f"status {status}, code {code}" if status else "not in time")


class Webhook:
    """The webhook of one interaction."""

    def __init__(self, session: aiohttp.ClientSession, address: str, deadline: float) -> None:
        self._session, self._address, self._deadline = session, address, deadline

    async def edit(self, message: Payload) -> None:
        """Change the original answer; raises UndeliverableError."""
        await self._insist("PATCH", "/messages/@original", message)

    async def delete(self) -> None:
        """Remove the original answer; raises UndeliverableError."""
        await self._insist("DELETE", "/messages/@original")

    async def post(self, message: Payload) -> None:
        """Send a further message; raises UndeliverableError. Should a connection drop between
        Discord's deed and its word, the message comes twice, which is better than never."""
        await self._insist("POST", "", message)

    async def try_edit(self, message: Payload) -> None:
        """Change the original answer, if that works at once."""
        async with asyncio.timeout(DRAFT_SECONDS):
            await self._try("PATCH", "/messages/@original", message)

    async def _insist(self, method: str, path: str, message: Payload | None = None) -> None:
        """Try again, ever more slowly, for whatever may pass."""
        delay = FIRST_DELAY
        while True:
            wait = delay * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)
            status, code = 0, 0
            try:
                status, code, told = await self._try(method, path, message)
                if 200 <= status < 300:
                    return
                wait = wait if told is None else told
            except CONNECTION_ERRORS as error:
                log.debug("%s: %s", method, type(error).__name__)
            if 400 <= status < 500 and status != 429:
                raise UndeliverableError(status, code)
            if time.monotonic() + wait > self._deadline:
                raise UndeliverableError(status, code)
            await asyncio.sleep(wait)
            delay = min(2 * delay, LONGEST_DELAY)

    async def _try(
        self, method: str, path: str, message: Payload | None
    ) -> tuple[int, int, float | None]:
        """One request: its status, the code of an error, and the seconds Discord wants to wait."""
        timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)
        url = self._address + path
        async with self._session.request(method, url, json=message, timeout=timeout) as response:
            if response.status < 400:
                return response.status, 0, None
            told = await _json(response)
            return response.status, told.get("code", 0), _wait_of(response, told)


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The body of an error; proxies between us and Discord answer in other ways."""
    try:
        told = await response.json(content_type=None)
    except (ValueError, aiohttp.ClientError):
        return {}
    return told if isinstance(told, dict) else {}


def _wait_of(response: aiohttp.ClientResponse, told: dict[str, Any]) -> float | None:
    if response.status != 429:
        return None
    try:
        return max(0.1, float(told.get("retry_after", response.headers.get("Retry-After", ""))))
    except (TypeError, ValueError):
        return None


def _may_pass(error: Exception) -> bool:
    status = error.status if isinstance(error, discord.HTTPException) else 0
    return not 400 <= status < 500 or status == 429


class Reply:
    """What is said to one interaction; no method raises for what cannot be delivered.

    acknowledged: whether Discord knows that an answer comes; lost: whether none can come any more.
    """

    def __init__(self, interaction: discord.Interaction[Any], *, ephemeral: bool) -> None:
        self.interaction, self.ephemeral = interaction, ephemeral
        self.acknowledged = interaction.response.is_done()
        self.lost = False
        self._begun = time.monotonic()

    async def acknowledge(self, reference: str) -> None:
        """Show that the answer is being thought of."""
        response = self.interaction.response
        await self._respond(
            lambda: response.defer(thinking=True, ephemeral=self.ephemeral), reference
        )

    async def show_draft(self, message: Payload, reference: str) -> None:
        """Show an unfinished answer, if that works at once."""
        try:
            await self._webhook.try_edit(message)
        except CONNECTION_ERRORS as error:
            log.debug("%s: no draft (%s)", reference, type(error).__name__)

    async def show(self, message: Payload, reference: str) -> None:
        """Show the answer, by a message of its own if somebody has removed the one that was
        thinking."""
        if self.lost:
            return
        if self.ephemeral:
            message = message | {"flags": message["flags"] | EPHEMERAL}
        try:
            try:
                await self._webhook.edit(message)
            except UndeliverableError as error:
                if error.code != UNKNOWN_MESSAGE:
                    raise
                await self._webhook.post(message)
        except UndeliverableError as error:
            log.error("%s: the answer cannot be delivered (%s)", reference, error)

    async def apologize(self, text: str, reference: str) -> None:
        """Say why there is no answer, to the asker only: what was thinking in public vanishes, and
        the channel is not bothered with a notice that concerns one person. A followup fills what is
        thinking, in public, while that is there; hence the order (discord-api-docs#2739)."""
        if self.acknowledged and self.ephemeral:
            await self.show(notice_message(text), reference)
            return
        if self.acknowledged and not self.lost and not await self._withdraw(reference):
            await self.show(notice_message(text), reference)
            return
        await self.tell(text, reference)

    async def tell(self, text: str, reference: str = "-") -> None:
        """Say something that only the asker sees."""
        response = self.interaction.response
        if not self.acknowledged:
            await self._respond(lambda: response.send_message(text, ephemeral=True), reference)
        elif not self.lost:
            try:
                await self._webhook.post(notice_message(text) | {"flags": EPHEMERAL})
            except UndeliverableError as error:
                log.error("%s: a notice cannot be delivered (%s)", reference, error)

    async def remove(self) -> None:
        """Remove the message whose button was pressed."""
        await self._respond(self.interaction.response.defer, "-")
        if not self.lost:
            await self._withdraw("-")

    @property
    def _webhook(self) -> Webhook:
        interaction = self.interaction
        address = (
            f"{discord.http.Route.BASE}/webhooks/{interaction.application_id}/{interaction.token}"
        )
        return Webhook(interaction.client.session, address, self._begun + TOKEN_SECONDS)

    async def _withdraw(self, reference: str) -> bool:
        """Remove the original answer; whether it is gone."""
        try:
            await self._webhook.delete()
        except UndeliverableError as error:
            if error.code != UNKNOWN_MESSAGE:
                log.warning("%s: a message cannot be removed (%s)", reference, error)
                return False
        return True

    async def _respond(self, send: Callable[[], Awaitable[object]], reference: str) -> None:
        """Respond while Discord listens, again where that may help."""
        delay = 0.05
        while True:
            try:
                await send()
            except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                # An earlier try that seemed to fail may have arrived.
                if getattr(error, "code", None) == ALREADY_ACKNOWLEDGED:
                    break
                late = time.monotonic() + delay > self._begun + ACKNOWLEDGE_SECONDS
                if late or not _may_pass(error):
                    self._lose(reference, error)
                    return
                await asyncio.sleep(delay)
                delay *= 2
            else:
                break
        self.acknowledged = True

    def _lose(self, reference: str, error: Exception) -> None:
        self.lost = True
        kind, code = type(error).__name__, getattr(error, "code", "-")
        log.warning("%s: the interaction is lost unanswered (%s, code %s)", reference, kind, code)
