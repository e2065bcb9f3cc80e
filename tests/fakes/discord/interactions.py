"""Interactions: created, acknowledged within 3 seconds, answered within 15 minutes.

https://docs.discord.com/developers/interactions/receiving-and-responding"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from tests.fakes.discord.changes import Changes
from tests.fakes.discord.commands import check_choice
from tests.fakes.discord.forms import Flag, check_message, check_modal
from tests.fakes.discord.messages import IN_INTERACTIONS, Message
from tests.fakes.discord.people import ORDINARY, Place, User
from tests.fakes.discord.snowflakes import snowflake
from tests.fakes.discord.strictness import (
    Form,
    Json,
    Refusal,
    already_acknowledged,
    expired_token,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)

ACKNOWLEDGE_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
# The limit for apps that are installed for the user only.
MAX_FOLLOWUPS = 5


class InteractionType(IntEnum):
    """Interaction types."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Callback(IntEnum):
    """Callback types."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


_FITTING = {
    InteractionType.COMMAND: {4, 5, 9},
    InteractionType.COMPONENT: {4, 5, 6, 7, 9},
    InteractionType.AUTOCOMPLETE: {8},
    InteractionType.MODAL: {4, 5, 6, 7},
}


@dataclass(eq=False)
class Interaction:
    """One interaction and its responses.

    source: the message of the component.
    original: the response; for an update, the source itself."""

    type: InteractionType
    user: User
    place: Place
    data: Json
    owners: dict[str, str]
    changes: Changes
    source: Message | None = None
    id: str = field(default_factory=snowflake)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    created: float = field(default_factory=time.monotonic)
    answer: Callback | None = None
    answered_after: float | None = None
    lapsed: bool = False
    expired: bool = False
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    async def acknowledged(self, seconds: float = ACKNOWLEDGE_SECONDS + 0.5) -> float:
        """Wait for the acknowledgement; seconds since the event."""
        await self.changes.until(
            lambda: self.answer is not None or self.lapsed, seconds, lambda: "no acknowledgement"
        )
        assert self.answered_after is not None, "the application did not respond"
        return self.answered_after

    async def final(self, seconds: float) -> Message:
        """Wait until the response is no longer "thinking", or is deleted."""
        await self.changes.until(
            lambda: self._finished() is not None or self.lapsed,
            seconds,
            lambda: f"no answer (acknowledged as {self.answer!r})",
        )
        message = self._finished()
        assert message is not None, "the application did not respond"
        return message

    async def completions(self, seconds: float = ACKNOWLEDGE_SECONDS + 0.5) -> list[Json]:
        """Wait for the choices of an autocompletion."""
        await self.acknowledged(seconds)
        return self.choices

    def expire(self) -> None:
        """End the token's fifteen minutes now."""
        self.expired = True

    def _finished(self) -> Message | None:
        if self.original is not None and not self.original.thinking:
            return self.original
        return self.followups[0] if self.followups else None

    def payload(self, bot: User) -> Json:
        """The interaction object."""
        guild = self.place.guild
        permissions = ORDINARY if guild and not guild.bot else self.place.permissions(bot)
        interaction: Json = {
            "id": self.id,
            "application_id": bot.id,
            "type": int(self.type),
            "token": self.token,
            "version": 1,
            "data": self.data,
            "channel": self.place.payload(bot if bot in self.place.people else self.user),
            "channel_id": self.place.id,
            "locale": self.user.locale,
            "entitlements": [],
            "authorizing_integration_owners": self.owners,
            "context": int(self.place.context),
            "attachment_size_limit": 10 * 1024 * 1024,
            "app_permissions": str(int(permissions)),
        }
        if guild is None:
            interaction["user"] = self.user.payload()
        else:
            interaction |= {
                "guild": guild.partial(),
                "guild_id": guild.id,
                "guild_locale": guild.locale,
                "member": guild.member(self.user, self.place),
            }
        if self.source is not None:
            interaction["message"] = self.source.payload()
        return interaction

    def metadata(self) -> Json:
        """The interaction_metadata of its responses."""
        return {
            "id": self.id,
            "type": int(self.type),
            "user": self.user.payload(),
            "authorizing_integration_owners": self.owners,
        }


class Interactions:
    """All interactions, and the operations on them by id and token."""

    def __init__(
        self, bot: User, changes: Changes, violations: list[str], excused: Callable[[str], bool]
    ) -> None:
        self.acknowledge_seconds = ACKNOWLEDGE_SECONDS
        self.token_seconds = TOKEN_SECONDS
        self.messages: dict[str, Message] = {}
        self._bot = bot
        self._changes = changes
        self._violations = violations
        self._excused = excused
        self._by_token: dict[str, Interaction] = {}

    def opened(self, interaction: Interaction, still_listening: Callable[[], bool]) -> None:
        """Start the acknowledgement timeout if the client is `still_listening`."""
        self._by_token[interaction.token] = interaction

        def lapse() -> None:
            if interaction.answer is not None:
                return
            interaction.lapsed = True
            if still_listening() and not self._excused(f"/interactions/{interaction.id}/"):
                kind = interaction.type.name.lower()
                told = f"{kind} {interaction.data} not acknowledged in {self.acknowledge_seconds} s"
                self._violations.append(told)
            self._changes.happened()

        asyncio.get_running_loop().call_later(self.acknowledge_seconds, lapse)

    def callback(self, interaction_id: str, token: str, body: Json) -> Json:
        """POST /interactions/{id}/{token}/callback; returns the interaction callback response
        object."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id or interaction.lapsed:
            raise unknown_interaction()
        if interaction.answer is not None:
            raise already_acknowledged()
        kind, data = body.get("type", 0), body.get("data") or {}
        form = Form()
        if kind not in _FITTING[interaction.type]:
            told = f"Value must be one of {sorted(_FITTING[interaction.type])}."
            form.wrong("type", "BASE_TYPE_CHOICES", told)
            form.refuse()
        answer = Callback(kind)
        self._answer(interaction, answer, data)
        interaction.answer = answer
        interaction.answered_after = time.monotonic() - interaction.created
        self._changes.happened()
        return self._response(interaction)

    def message(self, token: str, which: str) -> Message:
        """A response by id or "@original"."""
        interaction = self._answerable(token)
        original = interaction.original
        if interaction.answer is Callback.DEFERRED_UPDATE:
            original = interaction.source
        for message in (original, *interaction.followups):
            if message is None:
                continue
            if message.id == which or (which == "@original" and message is original):
                if message.deleted:
                    raise unknown_message(offence=False)
                return message
        raise unknown_message(offence=True)

    def edit(self, token: str, which: str, body: Json) -> Message:
        """PATCH a response."""
        interaction = self._answerable(token)
        message = self.message(token, which)
        form = Form()
        check_message(form, body, message.flags_after(body))
        form.refuse()
        message.write(body, IN_INTERACTIONS)
        if message is interaction.source:
            # This completes a deferral.
            interaction.original = message
        return message

    def follow_up(self, token: str, body: Json) -> Message:
        """POST a followup; the first one after a deferral replaces the deferred message."""
        interaction = self._answerable(token)
        # Without the deferred message there is nothing to replace:
        # https://github.com/discord/discord-api-docs/issues/2739
        original = interaction.original
        if original is not None and original.thinking and not original.deleted:
            return self.edit(token, "@original", body)
        if "0" not in interaction.owners and len(interaction.followups) >= MAX_FOLLOWUPS:
            told = "This interaction has reached the maximum number of follow-up messages"
            raise Refusal(400, 40094, told)
        message = self._new_message(interaction, body, "")
        interaction.followups.append(message)
        self._changes.happened()
        return message

    def delete(self, token: str, which: str) -> None:
        """DELETE a response."""
        self.message(token, which).delete()

    def _answerable(self, token: str) -> Interaction:
        interaction = self._by_token.get(token)
        if interaction is None or interaction.answer is None:
            raise unknown_webhook()
        if interaction.expired or time.monotonic() - interaction.created > self.token_seconds:
            raise expired_token()
        return interaction

    def _answer(self, interaction: Interaction, answer: Callback, data: Json) -> None:
        form = Form()
        if answer is Callback.MESSAGE:
            interaction.original = self._new_message(interaction, data, "data.")
        elif answer is Callback.DEFERRED_MESSAGE:
            flags = Flag(data.get("flags") or 0)
            if flags & ~Flag.EPHEMERAL:
                self._violations.append(f"a deferral can only be ephemeral, not {flags!r}")
            interaction.original = self._blank(interaction, flags & Flag.EPHEMERAL | Flag.LOADING)
        elif answer is Callback.UPDATE and interaction.source is not None:
            check_message(form, data, interaction.source.flags_after(data), "data.")
            form.refuse()
            interaction.source.write(data, IN_INTERACTIONS)
            interaction.original = interaction.source
        elif answer is Callback.CHOICES:
            choices = data.get("choices") or []
            form.at_most("data.choices", choices, 25)
            for number, choice in enumerate(choices):
                check_choice(form, choice, f"data.choices.{number}")
            form.refuse()
            interaction.choices = choices
        elif answer is Callback.MODAL:
            check_modal(form, data)
            form.refuse()
            interaction.modal = data
        elif interaction.source is None:
            form.wrong("type", "BASE_TYPE_CHOICES", "There is no message to update.")
            form.refuse()

    def _blank(self, interaction: Interaction, flags: Flag) -> Message:
        message = Message(
            interaction.place,
            self._bot,
            self._changes,
            flags=flags,
            reader=interaction.user if flags & Flag.EPHEMERAL else None,
            interaction=interaction.metadata(),
        )
        self.messages[message.id] = message
        return message

    def _new_message(self, interaction: Interaction, body: Json, path: str) -> Message:
        form = Form()
        flags = Flag(body.get("flags") or 0)
        settable = (
            Flag.SUPPRESS_EMBEDS | Flag.EPHEMERAL | Flag.COMPONENTS_V2 | Flag.SUPPRESS_NOTIFICATIONS
        )
        if flags & ~settable:
            form.wrong(f"{path}flags", "MESSAGE_FLAGS_INVALID", f"Only {settable!r} can be set.")
        check_message(form, body, flags, path)
        form.refuse()
        message = self._blank(interaction, flags)
        try:
            message.write(body, IN_INTERACTIONS)
        except Refusal:
            del self.messages[message.id]
            raise
        return message

    def _response(self, interaction: Interaction) -> Json:
        about: Json = {"id": interaction.id, "type": int(interaction.type)}
        response: Json = {"interaction": about}
        message, answer = interaction.original, interaction.answer
        if message is not None:
            about |= {
                "response_message_id": message.id,
                "response_message_loading": message.thinking,
                "response_message_ephemeral": message.ephemeral,
            }
        if answer is not None:
            response["resource"] = {"type": int(answer)}
            if message is not None and answer in (Callback.MESSAGE, Callback.UPDATE):
                response["resource"]["message"] = message.payload()
        return response
