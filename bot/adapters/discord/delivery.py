"""The reply to one interaction: acknowledged in time, edited until it is delivered."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord import InteractionResponseType

from bot.adapters.discord.messages import notice_message
from bot.adapters.discord.wire import (
    RESPONSE_SECONDS,
    UNKNOWN_MESSAGE,
    Address,
    Payload,
    Picture,
    UndeliverableError,
    Wire,
)

log = logging.getLogger(__name__)

Session = Callable[[], aiohttp.ClientSession]

EPHEMERAL = discord.MessageFlags(ephemeral=True).value
# The key in an interaction's extras that records a response, for all replies to it.
_ACKNOWLEDGED = "acknowledged"


class Reply:
    """The reply to one interaction. No method raises for an undeliverable message.

    card: whether the answer comes with a picture of it.
    lost: whether the interaction has expired without a response.
    """

    def __init__(
        self,
        session: Session,
        address: Address,
        *,
        ephemeral: bool,
        card: bool,
        extras: dict[Any, Any],
    ) -> None:
        self.ephemeral, self.card, self.lost = ephemeral, card, False
        self._address, self._extras = address, extras
        self._wire = Wire(session, address)

    @classmethod
    def to(
        cls,
        session: Session,
        interaction: discord.Interaction[Any],
        *,
        ephemeral: bool,
        card: bool = False,
    ) -> Reply:
        """The reply to an interaction that has just arrived."""
        application, token = interaction.application_id, interaction.token
        address = Address(application, interaction.id, token, time.time())
        return cls(session, address, ephemeral=ephemeral, card=card, extras=interaction.extras)

    @classmethod
    def unpack(cls, session: Session, packed: dict[str, Any]) -> Reply:
        """The reply to an interaction that an earlier process received. Raises LookupError,
        TypeError or ValueError for malformed data.

        Only Discord knows whether that process responded, and reports it while a response is
        possible. Later it is assumed: without a response, no answer can be shown.
        """
        address = Address(
            int(packed["application"]),
            int(packed["interaction"]),
            str(packed["token"]),
            float(packed["begun"]),
        )
        extras = {_ACKNOWLEDGED: address.age > RESPONSE_SECONDS}
        return cls(
            session,
            address,
            ephemeral=bool(packed["ephemeral"]),
            card=bool(packed.get("card")),
            extras=extras,
        )

    def pack(self) -> dict[str, Any]:
        """The reply as JSON, for a later process."""
        return vars(self._address) | {"ephemeral": self.ephemeral, "card": self.card}

    @property
    def acknowledged(self) -> bool:
        """Whether the interaction has a response."""
        return bool(self._extras.get(_ACKNOWLEDGED))

    async def acknowledge(self, reference: str) -> None:
        """Show that the bot is thinking."""
        if self.acknowledged:
            return
        data = {"flags": EPHEMERAL} if self.ephemeral else {}
        await self._respond(InteractionResponseType.deferred_channel_message, data, reference)

    async def show_preview(self, message: Payload) -> None:
        """Show a preview, without retries."""
        await self._wire.try_edit(message)

    async def show(self, message: Payload, reference: str, picture: Picture | None = None) -> bool:
        """Show the answer, in a new message if a user has removed the one that was thinking.

        Returns whether it was delivered.
        """
        if self.lost:
            return False
        if self.ephemeral:
            message = message | {"flags": message["flags"] | EPHEMERAL}
        try:
            try:
                await self._wire.edit(message, picture)
            except UndeliverableError as error:
                if error.code != UNKNOWN_MESSAGE:
                    raise
                await self._wire.post(message, picture)
        except UndeliverableError as error:
            what = "answer" if picture is None else "picture"
            log.error("%s: the %s cannot be delivered (%s)", reference, what, error)
            return False
        return True

    async def apologize(self, text: str, reference: str) -> None:
        """Show the requester alone why there is no answer. A public message that was thinking is
        removed first: a followup would fill it, in public (discord-api-docs#2739)."""
        public = self.acknowledged and not self.ephemeral
        if not self.acknowledged or (public and await self._withdraw(reference)):
            await self.tell(text, reference)
        else:
            await self.show(notice_message(text), reference)

    async def tell(self, text: str, reference: str) -> None:
        """Send a message that only the requester sees."""
        message = notice_message(text) | {"flags": EPHEMERAL}
        if self.lost:
            return
        if not self.acknowledged:
            await self._respond(InteractionResponseType.channel_message, message, reference)
            return
        try:
            await self._wire.post(message)
        except UndeliverableError as error:
            log.error("%s: a notice cannot be delivered (%s)", reference, error)

    async def replace(self, message: Payload, reference: str) -> None:
        """Replace the message whose button was pressed."""
        await self._respond(InteractionResponseType.message_update, message, reference)

    async def remove(self, reference: str) -> None:
        """Remove the message whose button was pressed."""
        await self._respond(InteractionResponseType.deferred_message_update, {}, reference)
        if not self.lost:
            await self._withdraw(reference)

    async def _withdraw(self, reference: str) -> bool:
        """Delete the original answer; whether it is gone."""
        try:
            await self._wire.delete()
        except UndeliverableError as error:
            if error.code != UNKNOWN_MESSAGE:
                log.warning("%s: a message cannot be removed (%s)", reference, error)
                return False
        return True

    async def _respond(self, kind: InteractionResponseType, data: Payload, reference: str) -> None:
        try:
            await self._wire.respond(kind, data)
        except UndeliverableError as error:
            self.lost = True
            log.warning("%s: the interaction was lost before any answer (%s)", reference, error)
        else:
            self._extras[_ACKNOWLEDGED] = True
