"""/recargar and its buttons; bot.admin.admin checks the requester's rights on every use."""

from __future__ import annotations

import asyncio
import hashlib
import re

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.adapters.telegram.answers import Press
from bot.adapters.telegram.context import Context
from bot.adapters.telegram.outbox import Place
from bot.adapters.telegram.rendering import guard, plain
from bot.admin.admin import PREVIOUS
from bot.requests.job import Requester
from bot.texts import say

# A name may exceed the 64 bytes of a button's id, so the id contains a digest of it.
_CHOICE = re.compile(r"r\.([0-9a-f]{24}|previous)")
# Telegram accepts a hundred buttons below a message.
MOST_CHOICES = 90
LABEL_LENGTH = 60


class AdminCommands:
    """/recargar and its buttons."""

    def __init__(self, context: Context) -> None:
        self._context, self._admin = context, context.core.admin

    async def reload(self, requester: Requester, message: Message, name: str) -> None:
        """Load the named checkpoint or, without a name, offer a choice of checkpoints."""
        if name or not self._admin.allowed(requester):
            await self._context.outbox.show_typing(Place.of(message))
            report = await self._admin.reload(requester, name)
            await self._context.reply(message, guard(report))
            return
        serving = self._context.core.executor.serving.name
        question = say("reload_choose", requester.language, name=serving)
        await self._context.reply(message, guard(question), self._choices(requester))

    def chosen(self, data: str) -> bool:
        """Whether this is the id of a button of a choice."""
        return _CHOICE.fullmatch(data) is not None

    async def choose(self, requester: Requester, press: Press, message: Message, data: str) -> None:
        """Load the checkpoint of the pressed button and edit the message to report the result."""
        name = self._name_of(requester, data)
        if not self._admin.allowed(requester):
            await press.answer(await self._admin.reload(requester, name or ""))
            return
        if name is None:
            await press.answer(say("stale_button", requester.language))
            return
        loading = say("reloading", requester.language, name=guard(name))
        notified = asyncio.create_task(press.answer(loading, alert=False))
        report = await self._admin.reload(requester, name)
        await asyncio.wait({notified})
        await self._context.outbox.deliver(
            Place.of(message), plain(guard(report)), reference="a reload", edit=message.message_id
        )

    def _choices(self, requester: Requester) -> InlineKeyboardMarkup:
        names = self._admin.checkpoints(requester)[:MOST_CHOICES]
        rows = [_row(name[:LABEL_LENGTH], choice_id(name)) for name in names]
        previous = self._admin.previous
        if previous is not None:
            label = f"{say('reload_previous', requester.language)}: {previous[:LABEL_LENGTH]}"
            rows.append(_row(label, "r.previous"))
        return InlineKeyboardMarkup(rows)

    def _name_of(self, requester: Requester, data: str) -> str | None:
        if data == "r.previous":
            return PREVIOUS[0]
        names = self._admin.checkpoints(requester)
        return next((name for name in names if choice_id(name) == data), None)


def choice_id(name: str) -> str:
    """The id of the button that loads the checkpoint of this name."""
    return f"r.{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"


def _row(label: str, data: str) -> list[InlineKeyboardButton]:
    return [InlineKeyboardButton(label, callback_data=data)]
