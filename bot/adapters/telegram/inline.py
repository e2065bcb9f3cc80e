"""Inline mode, `@bot phrase` typed in any chat, and guest mode, the bot called by name in a chat
that it is no member of (Bot API 10.0). Both answer a query with an article that becomes a message.

Inline queries arrive with every keystroke (https://core.telegram.org/bots/inline), so one is
answered when its author pauses, and a newer one replaces it. Telegram does not send the bot the
resulting message, and a press below it arrives without the text. Its only button therefore starts
the next query from the end of the text.

A guest query contains one message and accepts one answer:
https://core.telegram.org/bots/api#answerguestquery
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    Message,
)
from telegram.constants import InlineQueryLimit
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.adapters.telegram.connection import summarize_error
from bot.adapters.telegram.context import Context, Event, replied_phrase, requester
from bot.adapters.telegram.outbox import NO_PREVIEW
from bot.adapters.telegram.rendering import Rendered, guard, render_answer
from bot.net.backoff import Backoff
from bot.requests.closing_phrase import closing_phrase
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.texts import language_of, say

log = logging.getLogger(__name__)

# How long the author of an inline query must have stopped typing.
PAUSE_SECONDS = 0.7
# How long Telegram may repeat an answer to the same query of the same user.
CACHE_SECONDS = 60
INLINE_TRIES, GUEST_TRIES = 3, 6
FIRST_DELAY = 0.5
DESCRIPTION_LENGTH = 120
START_PARAMETER = "ayuda"
_QUERY_LENGTH = int(InlineQueryLimit.MAX_QUERY_LENGTH)


class _Pending:
    """A user's newest query."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.life: asyncio.Task[None] | None = None
        self.dropped = False


class InlineQueries:
    """Answers inline queries: of each user, only the newest."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: dict[int, _Pending] = {}

    async def handle(self, query: InlineQuery) -> None:
        """Answer a query unless a newer one arrives."""
        user = query.from_user.id
        older, pending = self._pending.get(user), _Pending()
        self._pending[user] = pending
        try:
            if older is not None:
                await self._drop(older)
            if not query.query.strip():
                hint = say("inline_empty", language_of(query.from_user.language_code))
                await _offer(self._context, query.id, None, hint)
                return
            await asyncio.sleep(PAUSE_SECONDS)
            if not pending.dropped:
                await self._answer(query, pending)
        finally:
            if self._pending.get(user) is pending:
                del self._pending[user]

    async def _answer(self, query: InlineQuery, pending: _Pending) -> None:
        core = self._context.core
        way_back = InlineAnswer(self._context, query.id, pending)
        who = requester(query.from_user)
        job = Job(query.query, core.settings.options(), who, way_back, implicit=True)
        pending.job, pending.life = job, core.service.start(job, self._context.platform)
        await asyncio.wait({pending.life})

    async def _drop(self, older: _Pending) -> None:
        """Give up an older query and its job, but no other job of the user."""
        older.dropped = True
        if older.job is not None and older.life is not None and not older.life.done():
            self._context.core.service.withdraw(older.job)
            await asyncio.wait({older.life})


class InlineAnswer:
    """The answer to an inline query; see answers.WayBack. Shows no previews."""

    def __init__(self, context: Context, query_id: str, pending: _Pending) -> None:
        self._context, self._id, self._pending = context, query_id, pending

    def pack(self) -> None:
        """Nothing to store: the query expires before another process could answer it."""

    async def acknowledge(self, job: Job) -> None:
        """Nothing can be shown."""

    async def progress(self, job: Job, draft: Preview) -> None:
        """Nothing can be shown."""

    async def finish(self, job: Job, answer: Answer) -> None:
        # Notices are for the requester alone; this becomes a message to others.
        offered = _article(self._context, job, replace(answer, notices=()))
        await _offer(self._context, self._id, offered)

    async def offer(self, job: Job, endings: Endings) -> None:
        """Do nothing: only buttons of chat messages request endings."""

    async def fail(self, job: Job, notice: str) -> None:
        if not self._pending.dropped:
            await _offer(self._context, self._id, None, notice)


class GuestMessages:
    """Answers messages that call the bot as a guest."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle(self, message: Message, event: Event) -> None:
        """Continue the text beside the bot's name, or else the replied-to message."""
        if message.guest_query_id is None or message.from_user is None:
            return
        core = self._context.core
        job = Job(
            self._phrase(message),
            core.settings.options(),
            requester(message.from_user, message),
            GuestAnswer(self._context, message.guest_query_id),
            event=event.key,
        )
        if not job.phrase:
            await job.origin.fail(job, say("start", job.language))
            return
        event.take()
        core.service.start(job, self._context.platform)

    def _phrase(self, message: Message) -> str:
        own = self._context.without_name(message.text or message.caption or "")
        target = message.reply_to_message
        if own or target is None:
            return own
        return replied_phrase(message, target, self._context.core.settings.phrase_limit)


class GuestAnswer:
    """The answer to a guest query; see answers.WayBack. Shows no previews."""

    def __init__(self, context: Context, query_id: str) -> None:
        self._context, self._id = context, query_id

    def pack(self) -> dict[str, Any]:
        return {"kind": "guest", "query": self._id}

    async def acknowledge(self, job: Job) -> None:
        """Nothing can be shown."""

    async def progress(self, job: Job, draft: Preview) -> None:
        """Nothing can be shown."""

    async def finish(self, job: Job, answer: Answer) -> None:
        await self._send(job, _article(self._context, job, answer))

    async def offer(self, job: Job, endings: Endings) -> None:
        """Do nothing: only buttons of chat messages request endings."""

    async def fail(self, job: Job, notice: str) -> None:
        title, content = say("inline_title", job.language), Rendered(guard(notice))
        await self._send(job, _result(job.reference, title, content))

    async def _send(self, job: Job, content: InlineQueryResultArticle) -> None:
        outbox = self._context.outbox
        failure = await _retry(
            lambda: outbox.connected().answer_guest_query(self._id, content), GUEST_TRIES
        )
        if failure is not None:
            log.warning("%s cannot be delivered: %s", job.reference, summarize_error(failure))


def _article(context: Context, job: Job, answer: Answer) -> InlineQueryResultArticle:
    """The answer as a result of a query."""
    text = answer.phrase + answer.continuation
    markup = None
    if context.me.supports_inline_queries:
        button = InlineKeyboardButton(
            say("button_continue", job.language),
            switch_inline_query_current_chat=closing_phrase(text, _QUERY_LENGTH),
        )
        markup = InlineKeyboardMarkup([[button]])
    return _result(
        job.reference,
        say("inline_title", job.language),
        render_answer(answer, job.language),
        answer.continuation.strip()[:DESCRIPTION_LENGTH],
        markup,
    )


def _result(
    number: str,
    title: str,
    content: Rendered,
    description: str | None = None,
    markup: InlineKeyboardMarkup | None = None,
) -> InlineQueryResultArticle:
    message = InputTextMessageContent(
        content.text, entities=content.entities, link_preview_options=NO_PREVIEW
    )
    return InlineQueryResultArticle(
        number, title, message, description=description, reply_markup=markup
    )


async def _offer(
    context: Context, query_id: str, offered: InlineQueryResultArticle | None, notice: str = ""
) -> None:
    """Answer an inline query with an article, or with a notice in the bar above the results."""
    button = InlineQueryResultsButton(notice, start_parameter=START_PARAMETER) if notice else None
    failure = await _retry(
        lambda: context.outbox.connected().answer_inline_query(
            query_id,
            [] if offered is None else [offered],
            cache_time=0 if offered is None else CACHE_SECONDS,
            is_personal=True,
            button=button,
        ),
        INLINE_TRIES,
    )
    if failure is not None:
        # Telegram refuses an expired query: its author waited too long, or typed on.
        level = logging.INFO if isinstance(failure, BadRequest) else logging.WARNING
        log.log(level, "an inline query cannot be answered: %s", summarize_error(failure))


async def _retry(send: Callable[[], Awaitable[Any]], tries: int) -> TelegramError | None:
    """Send with backoff; None once Telegram accepts, otherwise the last error."""
    backoff = Backoff(FIRST_DELAY)
    failure: TelegramError | None = None
    for _ in range(tries):
        try:
            await send()
        except (BadRequest, Forbidden) as error:
            return error
        except TelegramError as error:
            failure = error
            await asyncio.sleep(backoff.next())
        else:
            return None
    return failure
