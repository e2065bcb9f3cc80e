"""Inline mode: `@bot phrase` typed in any chat offers its continuation.

Queries come with every keystroke (https://core.telegram.org/bots/inline), so one is answered when
its writer has paused, and a newer one takes the place of the older. What is offered becomes a
message that Telegram never shows us again (a press below it comes without its text), so it has no
buttons of ours but one that starts the next query from its end.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
)
from telegram.constants import InlineQueryLimit
from telegram.error import BadRequest, TelegramError

from bot.adapters.telegram.context import Context, requester
from bot.adapters.telegram.link import in_short
from bot.adapters.telegram.outbox import NO_PREVIEW
from bot.adapters.telegram.rendering import Rendered, guard, render_answer
from bot.requests.closing_phrase import closing_phrase
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.texts import language_of, say

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.7
# How long Telegram may answer the same person's same query itself.
CACHE_SECONDS = 60
TRIES = 3
DESCRIPTION_LENGTH = 120
START_PARAMETER = "ayuda"
_QUERY_LENGTH = int(InlineQueryLimit.MAX_QUERY_LENGTH)


class _Pending:
    """The newest query of a person."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.life: asyncio.Task[None] | None = None
        self.dropped = False


class InlineQueries:
    """Answers inline queries, of each person only the last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending: dict[int, _Pending] = {}

    async def handle(self, query: InlineQuery) -> None:
        """Answer a query unless a newer one comes."""
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
        """Give up an older query and its job; other jobs of the person go on."""
        older.dropped = True
        if older.job is not None and older.life is not None and not older.life.done():
            self._context.core.service.withdraw(older.job)
            await asyncio.wait({older.life})


class InlineAnswer:
    """The way back to an inline query: one answer, no drafts."""

    def __init__(self, context: Context, query_id: str, pending: _Pending) -> None:
        self._context, self._id, self._pending = context, query_id, pending

    def pack(self) -> None:
        """A query is over before another process could answer it."""

    async def acknowledge(self, job: Job) -> None:
        """Nothing can be shown."""

    async def progress(self, job: Job, draft: Preview) -> None:
        """Nothing can be shown."""

    async def finish(self, job: Job, answer: Answer) -> None:
        # Notices are for whoever asked, and this becomes a message to others.
        offered = article(self._context, job, replace(answer, notices=()))
        await _offer(self._context, self._id, offered)

    async def offer(self, job: Job, endings: Endings) -> None:
        """Do nothing: only buttons of chat messages request endings."""

    async def fail(self, job: Job, notice: str) -> None:
        if not self._pending.dropped:
            await _offer(self._context, self._id, None, notice)


def article(context: Context, job: Job, answer: Answer) -> InlineQueryResultArticle:
    """The answer as something to be chosen; sent as it is into the chat."""
    text = answer.phrase + answer.continuation
    markup = None
    if context.me.supports_inline_queries:
        button = InlineKeyboardButton(
            say("button_continue", job.language),
            switch_inline_query_current_chat=closing_phrase(text, _QUERY_LENGTH),
        )
        markup = InlineKeyboardMarkup([[button]])
    return _article(
        job.reference,
        say("inline_title", job.language),
        render_answer(answer, job.language),
        answer.continuation.strip()[:DESCRIPTION_LENGTH],
        markup,
    )


def notice_article(job: Job, notice: str) -> InlineQueryResultArticle:
    """A notice in the place of an answer."""
    return _article(job.reference, say("inline_title", job.language), Rendered(guard(notice)))


def _article(
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
    """Answer a query with an article, or with a notice in the bar above the results."""
    button = InlineQueryResultsButton(notice, start_parameter=START_PARAMETER) if notice else None
    for _ in range(TRIES):
        try:
            await context.outbox.connected().answer_inline_query(
                query_id,
                [] if offered is None else [offered],
                cache_time=0 if offered is None else CACHE_SECONDS,
                is_personal=True,
                button=button,
            )
        except BadRequest as error:  # its writer has waited too long, or gone on
            log.info("an inline query cannot be answered: %s", in_short(error))
            return
        except TelegramError as error:
            failure = error
            await asyncio.sleep(0.5)
        else:
            return
    log.warning("an inline query cannot be answered: %s", in_short(failure))
