"""The answer to one job in a chat: a typing sign, perhaps previews, one final message."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict
from typing import Any, Protocol

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import CallbackQueryLimit
from telegram.error import TelegramError

from bot.adapters.telegram.connection import summarize_error
from bot.adapters.telegram.outbox import Outbox, Place
from bot.adapters.telegram.rate_limiter import Priority
from bot.adapters.telegram.rendering import (
    Rendered,
    plain,
    render_answer,
    render_endings,
    render_preview,
)
from bot.requests.buttons import CHOICES, Button
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.texts import say

log = logging.getLogger(__name__)

# How long generation waits for the first sign to be sent.
SIGN_SECONDS = 0.5
# A typing action is shown for five seconds: https://core.telegram.org/bots/api#sendchataction
TYPING_SECONDS, LONGEST_TYPING_SECONDS = 4.5, 900.0
# Groups share twenty messages a minute, edits included.
GROUP_PREVIEW_SECONDS = 5.0
_ALERT_LENGTH = int(CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH)


class WayBack(Protocol):
    """The origin of a Telegram job: the five verbs for one chat or query."""

    def pack(self) -> dict[str, Any] | None:
        """See bot.requests.platform.Platform."""

    async def acknowledge(self, job: Job) -> None:
        """See bot.requests.platform.Platform."""

    async def progress(self, job: Job, draft: Preview) -> None:
        """See bot.requests.platform.Platform."""

    async def finish(self, job: Job, answer: Answer) -> None:
        """See bot.requests.platform.Platform."""

    async def offer(self, job: Job, endings: Endings) -> None:
        """See bot.requests.platform.Platform."""

    async def fail(self, job: Job, notice: str) -> None:
        """See bot.requests.platform.Platform."""


class Press:
    """A press of a button, which shows a progress bar until it is answered, once."""

    def __init__(self, outbox: Outbox, query_id: str) -> None:
        self._outbox, self._id = outbox, query_id
        self.answered = False

    async def answer(self, notice: str | None = None, *, alert: bool = True) -> None:
        """Stop the progress bar. Show the user a notice in a dialog or, without `alert`,
        briefly."""
        if self.answered:
            return
        self.answered = True
        text = None if notice is None else notice[:_ALERT_LENGTH]
        try:
            await self._outbox.connected().answer_callback_query(
                self._id, text, show_alert=alert and text is not None
            )
        except TelegramError as error:  # too late
            log.info("a press cannot be answered: %s", summarize_error(error))


class ChatAnswer:
    """The answer to a message or to a press below one.

    A request that waited for the bot to return first gets a note that it continues, and the answer
    edits that note: an edit is idempotent, where a second message would show. Soon after a crash,
    which often repeats, new requests get a note as well.

    note: the key of that note's text, None for no note.
    """

    def __init__(
        self,
        outbox: Outbox,
        place: Place,
        press: Press | None = None,
        message: int | None = None,
        *,
        note: str | None = None,
    ) -> None:
        self._outbox, self._place, self._press = outbox, place, press
        self._message = message  # the preview or note that was sent
        self._note = note
        self._signs: list[asyncio.Task[None]] = []
        self._typing: asyncio.Task[None] | None = None
        self._shown = Rendered("")
        self._next_preview = 0.0

    def pack(self) -> dict[str, Any]:
        return {"kind": "chat", "place": asdict(self._place), "message": self._message}

    async def acknowledge(self, job: Job) -> None:
        self._signs.append(asyncio.create_task(self._outbox.show_typing(self._place)))
        if self._press is not None:
            self._signs.append(asyncio.create_task(self._press.answer()))
        await asyncio.wait(self._signs, timeout=SIGN_SECONDS)
        if self._note is not None and self._message is None:
            note = plain(say(self._note, job.language))
            self._message = await self._outbox.deliver(self._place, note, reference=job.reference)
        self._typing = asyncio.create_task(self._keep_typing(), name=f"typing {job.reference}")

    async def progress(self, job: Job, draft: Preview) -> None:
        content, now = render_preview(draft), time.monotonic()
        if content == self._shown or now < self._next_preview:
            return
        if self._place.chat < 0:
            self._next_preview = now + GROUP_PREVIEW_SECONDS
        try:
            # A first preview whose response is lost remains above the answer.
            self._message = await self._outbox.send_once(
                self._place, content, edit=self._message, priority=Priority.PREVIEW
            )
        except TelegramError as error:
            log.debug("%s: no preview: %s", job.reference, summarize_error(error))
        else:
            self._shown = content

    async def finish(self, job: Job, answer: Answer) -> None:
        buttons = Button.below(job.requester.user, job.options, answer.result)
        await self._deliver(job, render_answer(answer, job.language), buttons)

    async def offer(self, job: Job, endings: Endings) -> None:
        buttons = Button.below_endings(job.requester.user, job.options, endings.results)
        await self._deliver(job, render_endings(endings, job.language), buttons)

    async def fail(self, job: Job, notice: str) -> None:
        self._stop_typing()
        if self._press is not None and not self._press.answered:
            await self._press.answer(notice)
            return
        await self._outbox.deliver(
            self._place, plain(notice), reference=job.reference, edit=self._message
        )

    async def _deliver(self, job: Job, content: Rendered, buttons: list[Button]) -> None:
        self._stop_typing()
        await self._outbox.deliver(
            self._place,
            content,
            reference=job.reference,
            edit=self._message,
            markup=keys_of(buttons, job.language),
            priority=Priority.ANSWER,
        )

    async def _keep_typing(self) -> None:
        until = time.monotonic() + LONGEST_TYPING_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(TYPING_SECONDS)
            await self._outbox.show_typing(self._place)

    def _stop_typing(self) -> None:
        if self._typing is not None:
            self._typing.cancel()
            self._typing = None


def keys_of(buttons: list[Button], language: str) -> InlineKeyboardMarkup:
    """The buttons as a keyboard: those of endings in one row, others in pairs."""
    keys = [InlineKeyboardButton(each.label(language), callback_data=each.id) for each in buttons]
    wide = len(CHOICES) if buttons[0].verb in CHOICES else 2
    return InlineKeyboardMarkup([keys[first : first + wide] for first in range(0, len(keys), wide)])
