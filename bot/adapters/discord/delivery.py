"""The answer to one interaction: acknowledged in time, edited until it stands."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import InteractionResponseType

from bot.adapters.discord.messages import notice_message
from bot.adapters.discord.wire import UNKNOWN_MESSAGE, Payload, UndeliverableError, Wire

log = logging.getLogger(__name__)

EPHEMERAL = discord.MessageFlags(ephemeral=True).value
# Where an interaction keeps whether it has been responded to, whoever asks next.
_ACKNOWLEDGED = "acknowledged"


class Reply:
    """What is said to one interaction; no method raises for what cannot be delivered.

    lost: no answer can come any more, since Discord was not told in time that one would.
    """

    def __init__(self, interaction: discord.Interaction[Any], *, ephemeral: bool) -> None:
        self.ephemeral, self.lost = ephemeral, False
        self._extras = interaction.extras
        self._wire = Wire(interaction.client.session, interaction)

    @property
    def acknowledged(self) -> bool:
        """Whether Discord knows that an answer comes, or has one."""
        return bool(self._extras.get(_ACKNOWLEDGED))

    async def acknowledge(self, reference: str) -> None:
        """Show that the answer is being thought of."""
        data = {"flags": EPHEMERAL} if self.ephemeral else {}
        await self._respond(InteractionResponseType.deferred_channel_message, data, reference)

    async def show_draft(self, message: Payload) -> None:
        """Show an unfinished answer, if that works at once."""
        await self._wire.try_edit(message)

    async def show(self, message: Payload, reference: str) -> None:
        """Show the answer, by a message of its own if somebody has removed the one that was
        thinking."""
        if self.lost:
            return
        if self.ephemeral:
            message = message | {"flags": message["flags"] | EPHEMERAL}
        try:
            try:
                await self._wire.edit(message)
            except UndeliverableError as error:
                if error.code != UNKNOWN_MESSAGE:
                    raise
                await self._wire.post(message)
        except UndeliverableError as error:
            log.error("%s: the answer cannot be delivered (%s)", reference, error)

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
