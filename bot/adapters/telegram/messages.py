"""Messages to the bot: its commands, and in private any text."""

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
from bot.adapters.telegram.context import Context, Event, requester
from bot.adapters.telegram.outbox import Place
from bot.admin.reports import model_report
from bot.requests.buttons import Button, origin_of
from bot.requests.closing_phrase import closing_phrase
from bot.requests.job import Job, Requester
from bot.requests.limits import MINUTE, Window
from bot.texts import ENGLISH, SPANISH, say
from model.text.normalize import normalize

# https://core.telegram.org/bots/features#commands
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@(\w{1,32}))?(?:\s+|$)(.*)", re.DOTALL)
# What people send besides text; everything else without text is Telegram's own note of something.
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
# What /privacidad takes for the wish to be forgotten.
ERASE = frozenset({"borrar", "erase", "delete"})
# Commands that cost nothing are answered so many times a minute, for each person.
COMMANDS_A_MINUTE = 20
HINT_SECONDS = 30.0


@dataclass(frozen=True)
class Asked:
    """A command: who sent it in which message, and what stands behind its name."""

    message: Message
    user: User
    rest: str
    event: Event

    @property
    def requester(self) -> Requester:
        """Who asks, and where."""
        return requester(self.user, self.message)

    @property
    def language(self) -> str:
        """The language to answer in."""
        return self.requester.language


class Messages:
    """Answers messages. Whatever is decided without waiting (a job begun or cancelled) is decided
    before the first `await`, so that what one person sends takes effect in order."""

    def __init__(self, context: Context, admins: AdminCommands) -> None:
        self._context, self._admins = context, admins
        self._cheap = Window(COMMANDS_A_MINUTE, MINUTE)
        self._hints = Window(1, HINT_SECONDS)
        self._commands: dict[str, Callable[[Asked], Coroutine[Any, Any, None]]] = {
            "escribe": self._write,
            "cancelar": self._cancel,
            "start": self._start,
            "ayuda": self._help,
            "help": self._help,
            "modelo": self._model,
            "privacidad": self._privacy,
            "info": self._info,
            "recargar": self._reload,
            "estado": self._status,
            "pausar": self._pause,
            "reanudar": self._resume,
        }

    async def handle(self, message: Message, event: Event) -> None:
        """Answer a message, if it is for us."""
        user, me = message.from_user, self._context.me
        if user is None or (message.via_bot is not None and message.via_bot.id == me.id):
            return  # what our own inline answers became
        text = message.text or message.caption or ""
        private = message.chat.type == message.chat.PRIVATE
        if (command := _COMMAND.match(text)) is not None:
            name, addressee, rest = command.groups()
            if addressee is None or addressee.lower() == (me.username or "").lower():
                await self._obey(name.lower(), Asked(message, user, rest.strip(), event), addressee)
        elif text and (private or self._was_asked(message)):
            await self._begin(Asked(message, user, text, event), text)
        elif private and effective_message_type(message) in _MEDIA:
            await self._hint(Asked(message, user, "", event))

    async def _obey(self, name: str, asked: Asked, addressee: str | None) -> None:
        command = self._commands.get(name)
        private = asked.message.chat.type == asked.message.chat.PRIVATE
        if command is None and not private and addressee is None:
            return  # another bot's
        if name not in {"escribe", "cancelar"} and not self._in_measure(asked.requester):
            return
        if command is None:
            await self._reply(asked, "unknown_command")
        else:
            await command(asked)

    def _in_measure(self, requester: Requester) -> bool:
        """Whether a command that costs nothing is still answered; who insists meets silence."""
        if self._context.core.administration.allowed(requester):
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
        elif text := self._text_of(target, asked.message):
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

    def _text_of(self, target: Message, message: Message) -> str:
        """What a message that is replied to offers as a phrase: the part that was quoted, or else
        all of it, and of much text its end."""
        quoted = message.quote.text if message.quote is not None else ""
        text = normalize(quoted or target.text or target.caption or "")
        limit = self._context.core.settings.phrase_limit
        return text if len(text) <= limit else closing_phrase(text, limit)

    def _was_asked(self, message: Message) -> bool:
        """Whether this replies to our question for a phrase. The question itself is the memory."""
        target = message.reply_to_message
        questions = {say("ask_phrase", language) for language in (SPANISH, ENGLISH)}
        return target is not None and self._context.wrote(target) and target.text in questions

    async def _cancel(self, asked: Asked) -> None:
        service = self._context.core.service
        cancelled = await service.cancel_anywhere(asked.requester.person)
        if not cancelled:  # else the job itself says so
            await self._reply(asked, "nothing_to_cancel")

    async def _start(self, asked: Asked) -> None:
        await self._reply(asked, "start")

    async def _help(self, asked: Asked) -> None:
        await self._reply(asked, "help_telegram", username=self._context.me.username)

    async def _model(self, asked: Asked) -> None:
        core = self._context.core
        report = model_report(core.executor.serving, core.service.stats.speed, asked.language)
        await self._context.reply(asked.message, report)

    async def _privacy(self, asked: Asked) -> None:
        core = self._context.core
        if asked.rest.lower() in ERASE:
            await core.service.forget(asked.requester)
            await self._reply(asked, "erased")
        else:
            await self._reply(asked, "privacy_logged" if core.settings.log_phrases else "privacy")

    async def _info(self, asked: Asked) -> None:
        target = _target(asked.message)
        buttons = [] if target is None else self._buttons_of(target)
        if buttons:
            await self._context.reply(asked.message, origin_of(buttons, asked.language))
        else:
            await self._reply(asked, "not_mine")

    def _buttons_of(self, message: Message) -> list[Button]:
        if not self._context.wrote(message) or message.reply_markup is None:
            return []
        keys = [key for row in message.reply_markup.inline_keyboard for key in row]
        ids = [key.callback_data for key in keys if isinstance(key.callback_data, str)]
        return [button for button in map(Button.read, ids) if button is not None]

    async def _reload(self, asked: Asked) -> None:
        await self._admins.reload(asked.requester, asked.message, asked.rest)

    async def _status(self, asked: Asked) -> None:
        status = self._context.core.administration.status(asked.requester)
        await self._context.reply(asked.message, status)

    async def _pause(self, asked: Asked) -> None:
        done = await self._context.core.administration.pause(asked.requester)
        await self._context.reply(asked.message, done)

    async def _resume(self, asked: Asked) -> None:
        done = await self._context.core.administration.resume(asked.requester)
        await self._context.reply(asked.message, done)

    async def _hint(self, asked: Asked) -> None:
        """Tell what we can read, but not ten times for ten pictures."""
        person = asked.requester.person
        if not self._hints.wait(person):
            self._hints.count(person)
            await self._reply(asked, "only_text")

    async def _reply(self, asked: Asked, key: str, **values: object) -> None:
        await self._context.reply(asked.message, say(key, asked.language, **values))


def _target(message: Message) -> Message | None:
    """The message that this one replies to. In a topic, what replies to nothing "replies" to the
    topic's beginning."""
    target = message.reply_to_message
    return None if target is None or target.forum_topic_created is not None else target
