"""Presses of buttons. Their data comes from clients and is not trusted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from telegram import CallbackQuery, ChatMember, Message
from telegram.error import BadRequest, TelegramError

from bot.adapters.telegram.admin_commands import AdminCommands
from bot.adapters.telegram.answers import ChatAnswer, Press, keys_of
from bot.adapters.telegram.context import Context, Event, requester
from bot.adapters.telegram.outbox import Place
from bot.adapters.telegram.rendering import (
    Picture,
    Shown,
    plain,
    read_back,
    read_endings,
    render_shown,
)
from bot.card import Card
from bot.requests.buttons import CHOICES, Button, Verb
from bot.requests.endings import ENDINGS
from bot.requests.job import Job
from bot.texts import language_of, say


class Callbacks:
    """Handles presses; each is answered once, even on errors."""

    def __init__(self, context: Context, admins: AdminCommands) -> None:
        self._context, self._admins = context, admins

    async def handle(self, query: CallbackQuery, event: Event) -> None:
        """Do what the button is for."""
        press = Press(self._context.outbox, query.id)
        message, data = query.message, query.data or ""
        try:
            if not isinstance(message, Message) or not self._context.wrote(message):
                pass  # too old for Telegram to include, or not the bot's message
            elif self._admins.chosen(data):
                await self._admins.choose(requester(query.from_user, message), press, message, data)
            elif (button := Button.read(data)) is not None:
                await self._press(query, press, message, button, event)
        finally:
            if not press.answered:
                language = language_of(query.from_user.language_code)
                await press.answer(say("stale_button", language))

    async def _press(
        self, query: CallbackQuery, press: Press, message: Message, button: Button, event: Event
    ) -> None:
        if button.verb is Verb.DELETE:
            await self._delete(query, press, message, button)
            return
        if button.verb in CHOICES:
            await self._choose(query, press, message, button)
            return
        shown = read_back(message.text or "", message.entities)
        if shown is None or not shown.phrase:
            return
        if button.verb is Verb.CARD:
            await self._draw(query, press, message, button, shown)
            return
        core = self._context.core
        phrase, options = button.asks(shown.phrase, shown.text, core.settings)
        place, note = Place.of(message), self._context.note_for(event)
        way_back = ChatAnswer(self._context.outbox, place, press, note=note)
        job = Job(phrase, options, requester(query.from_user, message), way_back)
        job.endings = ENDINGS if button.verb is Verb.ENDINGS else 0
        job.event = event.take()
        life = core.service.start(job, self._context.platform)
        await asyncio.wait({life})
        await press.answer()  # no effect unless a flooding user gets no notice

    async def _choose(
        self, query: CallbackQuery, press: Press, message: Message, button: Button
    ) -> None:
        """Replace the endings by the chosen one, as an answer. Until that is delivered the update
        counts as unhandled, so a later process repeats it."""
        endings = read_endings(message.text or "", message.entities)
        if not endings:
            return
        language = language_of(query.from_user.language_code)
        if button.user != query.from_user.id or not _carries(message, button):
            await press.answer(say("not_your_choice", language))
            return
        await press.answer()
        await self._context.outbox.deliver(
            Place.of(message),
            render_shown(endings[CHOICES.index(button.verb)]),
            reference="a choice",
            edit=message.message_id,
            markup=keys_of(button.kept(), language),
        )

    async def _draw(
        self, query: CallbackQuery, press: Press, message: Message, button: Button, shown: Shown
    ) -> None:
        """Answer with the text as a picture. Until that is delivered the update counts as
        unhandled, so a later process repeats it."""
        asker, outbox = requester(query.from_user, message), self._context.outbox
        service = self._context.core.service
        phrase, continuation = shown.phrase, shown.text[len(shown.phrase) :]
        card = Card(phrase, continuation, button.style, button.seed, button.checkpoint)
        if (notice := service.admission.refuse_card(asker, card)) is not None:
            await press.answer(notice)
            return
        await press.answer()
        picture, place = await service.cards.render(card, asker), Place.of(message)
        removal = replace(button, verb=Verb.DELETE, user=asker.user)
        markup = keys_of([removal], asker.language)
        sent = None
        if picture is not None:
            sent = await outbox.deliver(place, Picture(picture), reference="a card", markup=markup)
        if sent is None:  # some groups allow no pictures
            apology = plain(say("card_failed", asker.language))
            await outbox.deliver(place, apology, reference="a card's apology")

    async def _delete(
        self, query: CallbackQuery, press: Press, message: Message, button: Button
    ) -> None:
        language = language_of(query.from_user.language_code)
        asked = button.user == query.from_user.id and _carries(message, button)
        if not asked and not await self._moderates(query, message):
            await press.answer(say("not_yours", language))
            return
        try:
            await self._context.outbox.connected().delete_message(
                message.chat.id, message.message_id
            )
        except BadRequest as error:
            if "not found" not in error.message:  # older than two days
                await press.answer(say("too_old", language))
        await press.answer()

    async def _moderates(self, query: CallbackQuery, message: Message) -> bool:
        if message.chat.type == message.chat.PRIVATE:
            return True
        try:
            member = await self._context.outbox.connected().get_chat_member(
                message.chat.id, query.from_user.id
            )
        except TelegramError:
            return False
        return member.status in {ChatMember.ADMINISTRATOR, ChatMember.OWNER}


def _carries(message: Message, button: Button) -> bool:
    """Whether the message has this button: a modified client can send the data of any."""
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return any(each.callback_data == button.id for row in rows for each in row)
