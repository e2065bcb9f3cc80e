"""The buttons below an answer. Their state is in their ids and in the message, so they work after
any restart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.adapters.discord.interactions import (
    Interaction,
    host_of,
    language,
    reply_to,
    report,
    requester_of,
    tell,
)
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import (
    Shown,
    picture_message,
    shown_endings,
    shown_text,
    text_message,
)
from bot.adapters.discord.wire import Payload, Picture
from bot.card import Card
from bot.requests.buttons import CHOICES, PATTERN, Button, Verb
from bot.requests.endings import ENDINGS
from bot.requests.job import Job, Requester, new_reference
from bot.service.cards import CardQueue
from bot.texts import say
from model.engine.result import Result


def answer_buttons(job: Job, result: Result) -> list[Payload]:
    """The components below the answer to a job."""
    return _row(Button.below(job.requester.user, job.options, result), job.language)


def endings_buttons(job: Job, results: Sequence[Result]) -> list[Payload]:
    """The components below the endings of a job."""
    return _row(Button.below_endings(job.requester.user, job.options, results), job.language)


def _row(buttons: list[Button], language: str) -> list[Payload]:
    row = [
        discord.ui.Button[Any](
            label=button.label(language), custom_id=button.id
        ).to_component_dict()
        for button in buttons
    ]
    return [{"type": discord.ComponentType.action_row.value, "components": row}]


async def picture_of(card: Card, requester: Requester, cards: CardQueue) -> Picture | None:
    """A card as an attachment, None if rendering fails."""
    data = await cards.render(card, requester)
    return None if data is None else Picture(data, card.alternative())


class _Pressed(discord.ui.DynamicItem[discord.ui.Button[Any]], template=""):
    """A pressed button."""

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> _Pressed:
        """The button of this id."""
        return cls(item)  # type: ignore[arg-type]

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the press and report errors."""
        try:
            await press(interaction, Button.read(self.custom_id))
        except Exception as error:  # noqa: BLE001 (reported)
            await report(interaction, error)


class AnswerButton(_Pressed, template=PATTERN):
    """A button of this bot, by its id."""


class StrangeButton(_Pressed, template=rf"(?!{PATTERN}\Z)[\s\S]*"):
    """Any other button; without a response, Discord would show it as broken."""


async def press(interaction: Interaction, button: Button | None) -> None:
    """Handle a press; None stands for an unreadable button."""
    message = interaction.message
    if button is None or message is None:
        await _tell(interaction, "stale_button")
    elif button.verb is Verb.DELETE:
        await _delete(interaction, button)
    elif button.verb in CHOICES:
        await _choose(interaction, button, message)
    elif (shown := shown_text(message)) is None:
        await _tell(interaction, "stale_button")
    elif button.verb is Verb.CARD:
        await _draw(interaction, button, shown, ephemeral=message.flags.ephemeral)
    else:
        _write(interaction, button, shown, ephemeral=message.flags.ephemeral)


def _write(interaction: Interaction, button: Button, shown: Shown, *, ephemeral: bool) -> None:
    host = host_of(interaction)
    phrase, options = button.asks(shown.phrase, shown.text, host.settings)
    reply = reply_to(interaction, ephemeral=ephemeral)
    endings = ENDINGS if button.verb is Verb.ENDINGS else 0
    requester = requester_of(interaction)
    host.begin(Job(phrase, options, requester, reply, private=ephemeral, endings=endings))


async def _choose(interaction: Interaction, button: Button, message: discord.Message) -> None:
    """Replace the endings by the chosen one, as an answer."""
    endings = shown_endings(message)
    if not endings:
        await _tell(interaction, "stale_button")
    elif interaction.user.id != button.user:
        await _tell(interaction, "not_your_choice")
    else:
        components = _row(button.kept(), language(interaction))
        chosen = text_message(endings[CHOICES.index(button.verb)], components)
        await reply_to(interaction, ephemeral=message.flags.ephemeral).replace(chosen, "choice")


async def _draw(interaction: Interaction, button: Button, shown: Shown, *, ephemeral: bool) -> None:
    """Answer with the text as a picture. The service finishes it even during shutdown."""
    requester, service = requester_of(interaction), host_of(interaction).service
    card = Card(shown.phrase, shown.continuation, button.style, button.seed, button.checkpoint)
    if (notice := service.admission.refuse_card(requester, card)) is not None:
        await tell(interaction, escape(notice))
        return
    reply, reference = reply_to(interaction, ephemeral=ephemeral), new_reference()
    removal = replace(button, verb=Verb.DELETE, user=requester.user)

    async def answer() -> None:
        await reply.acknowledge(reference)
        if reply.lost:
            return
        picture = await picture_of(card, requester, service.cards)
        message = picture_message(_row([removal], requester.language))
        if picture is None or not await reply.show(message, reference, picture):
            await reply.apologize(escape(say("card_failed", requester.language)), reference)

    await asyncio.wait({service.errand(answer(), f"card {reference}")})


async def _delete(interaction: Interaction, button: Button) -> None:
    permissions = interaction.permissions
    moderates = permissions.manage_messages or permissions.administrator
    if interaction.user.id != button.user and not moderates:
        await _tell(interaction, "not_yours")
        return
    # Through the interaction, which works where the bot is no member.
    await reply_to(interaction, ephemeral=True).remove("deletion")


async def _tell(interaction: Interaction, key: str) -> None:
    await tell(interaction, escape(say(key, language(interaction))))
