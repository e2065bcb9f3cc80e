"""Guest mode: the bot is called by its name in a chat that it is no member of (Bot API 10.0).

It sees that message alone and may answer it once, with what an inline query could be answered
with: https://core.telegram.org/bots/api#answerguestquery
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from telegram import InlineQueryResultArticle, Message
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.adapters.telegram.context import Context, Event, requester
from bot.adapters.telegram.inline import article, notice_article
from bot.adapters.telegram.link import in_short
from bot.requests.closing_phrase import closing_phrase
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.texts import say
from model.text.normalize import normalize

log = logging.getLogger(__name__)

TRIES = 6


class GuestMessages:
    """Answers messages that call us as a guest."""

    def __init__(self, context: Context) -> None:
        self._context = context
        names = rf"(?:/escribe)?@{re.escape(context.me.username or '')}\b"
        self._name = re.compile(names, re.IGNORECASE)

    async def handle(self, message: Message, event: Event) -> None:
        """Continue what stands beside our name, or else the message that is replied to."""
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
        own = normalize(self._name.sub(" ", message.text or message.caption or ""))
        target = message.reply_to_message
        if own or target is None:
            return own
        quoted = message.quote.text if message.quote is not None else ""
        text = normalize(quoted or target.text or target.caption or "")
        limit = self._context.core.settings.phrase_limit
        return text if len(text) <= limit else closing_phrase(text, limit)


class GuestAnswer:
    """The way back to a guest query: one message, no drafts."""

    def __init__(self, context: Context, query_id: str) -> None:
        self._context, self._id = context, query_id

    def pack(self) -> dict[str, Any]:
        return {"kind": "guest", "query": self._id}

    async def acknowledge(self, job: Job) -> None:
        """Nothing can be shown."""

    async def progress(self, job: Job, draft: Preview) -> None:
        """Nothing can be shown."""

    async def finish(self, job: Job, answer: Answer) -> None:
        await self._send(job, article(self._context, job, answer))

    async def offer(self, job: Job, endings: Endings) -> None:
        """Do nothing: only buttons of chat messages request endings."""

    async def fail(self, job: Job, notice: str) -> None:
        await self._send(job, notice_article(job, notice))

    async def _send(self, job: Job, content: InlineQueryResultArticle) -> None:
        pause = 0.5
        for _ in range(TRIES):
            try:
                await self._context.outbox.connected().answer_guest_query(self._id, content)
            except (BadRequest, Forbidden) as error:
                failure: TelegramError = error
                break
            except TelegramError as error:
                failure = error
                await asyncio.sleep(pause)
                pause *= 2
            else:
                return
        log.warning("%s cannot be delivered: %s", job.reference, in_short(failure))
