"""Messages to the bot: commands and, in private chats, phrases."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import ForceReply, Message, User
from telegram.constants import MessageType
from telegram.helpers import effective_message_type

from bot.adapters.telegram.admin_commands import AdminCommands
from bot.adapters.telegram.answers import ChatAnswer
from bot.adapters.telegram.context import Context, Event, replied_phrase, requester
from bot.adapters.telegram.outbox import Place
from bot.admin.commands import Command
from bot.requests.buttons import Button
from bot.requests.job import Job, Requester
from bot.requests.limits import MINUTE, Window
from bot.texts import say

# https://core.telegram.org/bots/features#commands
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@(\w{1,32}))?(?:\s+|$)(.*)", re.DOTALL)
# Media that users send; other messages without text are Telegram's service messages.
_MEDIA = frozenset(
    {
        MessageType.ANIMATION,
        MessageType.AUDIO,
        MessageType.CONTACT,
        MessageType.DICE,
        MessageType.DOCUMENT,
        MessageType.GAME,
        MessageType.LOCATION,
        MessageType.PHOTO,
        MessageType.POLL,
        MessageType.STICKER,
        MessageType.STORY,
        MessageType.VENUE,
        MessageType.VIDEO,
        MessageType.VIDEO_NOTE,
        MessageType.VOICE,
    }
)
# Arguments of /privacidad that erase the user's data.
ERASE = frozenset({"borrar", "erase", "delete"})
# Answers to cheap commands in a minute, for each user.
COMMANDS_A_MINUTE = 20
HINT_SECONDS = 30.0


@dataclass(frozen=True)
class Asked:
    """A command or a phrase."""

    message: Message
    user: User
    # The text after the command.
    rest: str
    event: Event

    @property
    def requester(self) -> Requester:
        """The requester, with the chat."""
        return requester(self.user, self.message)

    @property
    def language(self) -> str:
        """The requester's language."""
        return self.requester.language


class Messages:
    """Answers messages. Handlers start and cancel jobs before their first `await`, so that the
    messages of one user take effect in order."""

    def __init__(self, context: Context, admins: AdminCommands) -> None:
        self._context, self._admins = context, admins
        self._cheap = Window(COMMANDS_A_MINUTE, MINUTE)
        self._hints = Window(1, HINT_SECONDS)
        self._commands: dict[str, Callable[[Asked], Coroutine[Any, Any, None]]] = {
            Command.WRITE: self._write,
            Command.CANCEL: self._cancel,
            "start": self._start,
            Command.HELP: self._help,
            "help": self._help,
            Command.MODEL: self._model,
            Command.PRIVACY: self._privacy,
            Command.INFO: self._info,
            Command.RELOAD: self._reload,
            Command.STATUS: self._status,
            Command.PAUSE: self._pause,
            Command.RESUME: self._resume,
        }

    async def handle(self, message: Message, event: Event) -> None:
        """Answer a message if it is for the bot."""
        user, me = message.from_user, self._context.me
        if user is None or (message.via_bot is not None and message.via_bot.id == me.id):
            return  # an inline answer of this bot
        text = message.text or message.caption or ""
        private = message.chat.type == message.chat.PRIVATE
        if (command := _COMMAND.match(text)) is not None:
            name, addressee, rest = command.groups()
            if addressee is None or addressee.lower() == (me.username or "").lower():
                await self._obey(name.lower(), Asked(message, user, rest.strip(), event), addressee)
        elif text and private:
            await self._begin(Asked(message, user, text, event), text)
        elif text and self._is_addressed(message, text):
            await self._write(Asked(message, user, self._context.without_name(text), event))
        elif private and effective_message_type(message) in _MEDIA:
            await self._hint(Asked(message, user, "", event))

    async def _obey(self, name: str, asked: Asked, addressee: str | None) -> None:
        command = self._commands.get(name)
        private = asked.message.chat.type == asked.message.chat.PRIVATE
        if command is None and not private and addressee is None:
            return  # for another bot
        if name not in {Command.WRITE, Command.CANCEL} and not self._in_measure(asked.requester):
            return
        if command is None:
            await self._reply(asked, "unknown_command")
        else:
            await command(asked)

    def _in_measure(self, requester: Requester) -> bool:
        """Whether the user may still use a cheap command; beyond that, there is no answer."""
        if self._context.core.admin.allowed(requester):
            return True
        free = not self._cheap.wait(requester.person)
        if free:
            self._cheap.count(requester.person)
        return free

    async def _write(self, asked: Asked) -> None:
        if asked.rest:
            await self._begin(asked, asked.rest)
        elif (target := _target(asked.message)) is None:
            force = ForceReply(
                selective=True, input_field_placeholder=say("option_frase", asked.language)
            )
            await self._context.reply(asked.message, say("ask_phrase", asked.language), force)
        elif text := replied_phrase(
            asked.message, target, self._context.core.settings.phrase_limit
        ):
            await self._begin(asked, text)
        else:
            await self._reply(asked, "no_text")

    async def _begin(self, asked: Asked, phrase: str) -> None:
        if self._context.is_late(asked.message):
            await self._reply(asked, "late")
            return
        core = self._context.core
        place, note = Place.of(asked.message), self._context.note_for(asked.event)
        way_back = ChatAnswer(self._context.outbox, place, note=note)
        job = Job(phrase, core.settings.options(), asked.requester, way_back)
        job.event = asked.event.take()
        core.service.start(job, self._context.platform)

    def _is_addressed(self, message: Message, text: str) -> bool:
        """Whether a message in a group names the bot or replies to it. The bot gets replies to its
        messages, and mentions as far as its privacy mode and rights allow."""
        target = _target(message)
        replies = target is not None and self._context.wrote(target)
        return replies or self._context.is_named(text)

    async def _cancel(self, asked: Asked) -> None:
        cancelled, notice = await self._context.core.commands.cancel(asked.requester)
        if not cancelled:  # a cancelled job sends its own notice
            await self._context.reply(asked.message, notice)

    async def _start(self, asked: Asked) -> None:
        await self._reply(asked, "start")

    async def _help(self, asked: Asked) -> None:
        await self._reply(asked, "help_telegram", username=self._context.me.username)

    async def _model(self, asked: Asked) -> None:
        await self._context.reply(asked.message, self._context.core.commands.model(asked.language))

    async def _privacy(self, asked: Asked) -> None:
        erase = asked.rest.lower() in ERASE
        text = await self._context.core.commands.privacy(asked.requester, erase=erase)
        await self._context.reply(asked.message, text)

    async def _info(self, asked: Asked) -> None:
        target = _target(asked.message)
        buttons = [] if target is None else self._buttons_of(target)
        info = self._context.core.commands.info(buttons, asked.language)
        await self._context.reply(asked.message, info)

    def _buttons_of(self, message: Message) -> list[Button]:
        if not self._context.wrote(message) or message.reply_markup is None:
            return []
        keys = [key for row in message.reply_markup.inline_keyboard for key in row]
        ids = [key.callback_data for key in keys if isinstance(key.callback_data, str)]
        return [button for button in map(Button.read, ids) if button is not None]

    async def _reload(self, asked: Asked) -> None:
        await self._admins.reload(asked.requester, asked.message, asked.rest)

    async def _status(self, asked: Asked) -> None:
        status = self._context.core.admin.status(asked.requester)
        await self._context.reply(asked.message, status)

    async def _pause(self, asked: Asked) -> None:
        done = await self._context.core.admin.pause(asked.requester)
        await self._context.reply(asked.message, done)

    async def _resume(self, asked: Asked) -> None:
        done = await self._context.core.admin.resume(asked.requester)
        await self._context.reply(asked.message, done)

    async def _hint(self, asked: Asked) -> None:
        """Say that the bot reads only text, once for an album of pictures."""
        person = asked.requester.person
        if not self._hints.wait(person):
            self._hints.count(person)
            await self._reply(asked, "only_text")

    async def _reply(self, asked: Asked, key: str, **values: object) -> None:
        await self._context.reply(asked.message, say(key, asked.language, **values))


def _target(message: Message) -> Message | None:
    """The replied-to message. In a topic, a message without a reply "replies" to the message that
    created the topic."""
    target = message.reply_to_message
    return None if target is None or target.forum_topic_created is not None else target
