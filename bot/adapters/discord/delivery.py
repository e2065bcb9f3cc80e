"""The answer to one interaction: acknowledged in time, edited until it stands."""

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
# Where an interaction keeps whether it has been responded to, whoever asks next.
_ACKNOWLEDGED = "acknowledged"


class Reply:
    """What is said to one interaction; no method raises for what cannot be delivered.

    card: the answer is wanted with a picture of it; lost: no answer can come any more, since
    Discord was not told in time that one would.
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
        cls, interaction: discord.Interaction[Any], *, ephemeral: bool, card: bool = False
    ) -> Reply:
        """The reply to an interaction that has come just now."""
        application, token = interaction.application_id, interaction.token
        address = Address(application, interaction.id, token, time.time())
        session = interaction.client.adapter.session
        return cls(session, address, ephemeral=ephemeral, card=card, extras=interaction.extras)

    @classmethod
    def unpack(cls, session: Session, packed: dict[str, Any]) -> Reply:
        """The reply to an interaction that an earlier process was told of; raises LookupError,
        TypeError or ValueError for what is none.

        Whether that process responded only Discord knows, and says as long as responding is
        possible; later it must have, or nobody sees an answer any more.
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
        """All that a later process needs."""
        return vars(self._address) | {"ephemeral": self.ephemeral, "card": self.card}

    @property
    def acknowledged(self) -> bool:
        """Whether Discord knows that an answer comes, or has one."""
        return bool(self._extras.get(_ACKNOWLEDGED))

    async def acknowledge(self, reference: str) -> None:
        """Show that the answer is being thought of."""
        if self.acknowledged:
            return
        data = {"flags": EPHEMERAL} if self.ephemeral else {}
        await self._respond(InteractionResponseType.deferred_channel_message, data, reference)

    async def show_draft(self, message: Payload) -> None:
        """Show an unfinished answer, if that works at once."""
        await self._wire.try_edit(message)

    async def show(self, message: Payload, reference: str, picture: Picture | None = None) -> bool:
        """Show the answer, by a message of its own if somebody has removed the one that was
        thinking; whether it is there."""
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
        """Say why there is no answer, to the asker only: what was thinking in public vanishes, and
        the channel is not bothered with a notice that concerns one person. A followup fills what is
        thinking, in public, while that is there; hence the order (discord-api-docs#2739)."""
        public = self.acknowledged and not self.ephemeral
        if not self.acknowledged or (public and await self._withdraw(reference)):
            await self.tell(text, reference)
        else:
            await self.show(notice_message(text), reference)

    async def tell(self, text: str, reference: str) -> None:
        """Say something that only the asker sees."""
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
        """Have the message whose button was pressed show something else."""
        await self._respond(InteractionResponseType.message_update, message, reference)

    async def remove(self, reference: str) -> None:
        """Remove the message whose button was pressed."""
        await self._respond(InteractionResponseType.deferred_message_update, {}, reference)
        if not self.lost:
            await self._withdraw(reference)

    async def _withdraw(self, reference: str) -> bool:
        """Remove the original answer; whether it is gone."""
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
