"""Dispatch of updates to their handlers, and handling of their errors."""

from __future__ import annotations

import logging

from telegram import Chat, ChatMember, ChatMemberUpdated, Message, Update
from telegram.error import TelegramError

from bot.adapters.telegram.admin_commands import AdminCommands
from bot.adapters.telegram.callbacks import Callbacks
from bot.adapters.telegram.connection import summarize_error
from bot.adapters.telegram.context import Context, Event
from bot.adapters.telegram.inline import GuestMessages, InlineQueries
from bot.adapters.telegram.menus import Menus
from bot.adapters.telegram.messages import Messages
from bot.logs import about
from bot.requests.job import new_reference
from bot.service.errors import sentence
from bot.texts import language_of, say
from model.errors import LitteraError

log = logging.getLogger(__name__)

_AWAY = {ChatMember.BANNED, ChatMember.LEFT}


class Dispatcher:
    """Handles the updates of one connection."""

    def __init__(self, context: Context, menus: Menus) -> None:
        self._context, self._menus = context, menus
        admins = AdminCommands(context)
        self._messages = Messages(context, admins)
        self._callbacks = Callbacks(context, admins)
        self._inline = InlineQueries(context)
        self._guests = GuestMessages(context)

    async def handle(self, update: Update, event: Event) -> None:
        """Handle an update. Errors are logged and reported to the sender; only CancelledError is
        raised."""
        try:
            await self._handle(update, event)
        except LitteraError as error:
            await self._say(update, sentence(error, _language(update)))
        except TelegramError as error:
            log.warning("update %s: %s", update.update_id, summarize_error(error))
        except Exception as error:
            reference = new_reference()
            with about(reference):
                log.error("%s: update %s failed", reference, update.update_id, exc_info=error)
            await self._say(update, say("internal", _language(update), reference=reference))

    async def _handle(self, update: Update, event: Event) -> None:
        if update.message is not None:
            self._note_chat(update.message)
            await self._messages.handle(update.message, event)
            if update.message.chat.type == Chat.PRIVATE:
                await self._menus.meet(update.message.chat.id)
        elif update.callback_query is not None:
            await self._callbacks.handle(update.callback_query, event)
        elif update.inline_query is not None:
            await self._inline.handle(update.inline_query)
        elif update.guest_message is not None:
            await self._guests.handle(update.guest_message, event)
        elif update.my_chat_member is not None:
            self._note_membership(update.my_chat_member)
        # Other kinds, such as edited messages, are no requests.

    def _note_chat(self, message: Message) -> None:
        outbox = self._context.outbox
        outbox.enter(message.chat.id)
        if message.migrate_to_chat_id is not None:
            outbox.follow(message.chat.id, message.migrate_to_chat_id)

    def _note_membership(self, change: ChatMemberUpdated) -> None:
        if change.new_chat_member.status in _AWAY:
            self._context.outbox.leave(change.chat.id)
        else:
            self._context.outbox.enter(change.chat.id)

    async def _say(self, update: Update, text: str) -> None:
        message = update.effective_message
        if isinstance(message, Message) and update.guest_message is None:
            await self._context.reply(message, text)


def _language(update: Update) -> str:
    user = update.effective_user
    return language_of(None if user is None else user.language_code)
