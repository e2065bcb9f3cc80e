"""The way back into a chat for one job: typing, perhaps a message that grows, one final text."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict
from typing import Any, Protocol

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import CallbackQueryLimit
from telegram.error import TelegramError

from bot.adapters.telegram.link import in_short
from bot.adapters.telegram.outbox import Outbox, Place
from bot.adapters.telegram.rate_limiter import Priority
from bot.adapters.telegram.rendering import (
    Rendered,
    plain,
    render_answer,
    render_draft,
    render_endings,
)
from bot.requests.buttons import CHOICES, Button
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.texts import say

log = logging.getLogger(__name__)

# A sign that is slow to arrive must not keep the writing waiting.
SIGN_SECONDS = 0.5
# A typing action is shown for five seconds: https://core.telegram.org/bots/api#sendchataction
TYPING_SECONDS, LONGEST_TYPING_SECONDS = 4.5, 900.0
# Groups share twenty messages a minute, edits included.
GROUP_DRAFT_SECONDS = 5.0
_ALERT_LENGTH = int(CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH)


class WayBack(Protocol):
    """What a job of ours has as its origin: the five verbs for the one place it came from."""

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
    """A button that was pressed, whose little clock turns until it is answered: once, quickly."""

    def __init__(self, outbox: Outbox, query_id: str) -> None:
        self._outbox, self._id = outbox, query_id
        self.answered = False

    async def answer(self, notice: str | None = None, *, alert: bool = True) -> None:
        """Stop the clock; with a notice that only the one who pressed sees, in a window that must
        be closed or, without `alert`, for a moment."""
        if self.answered:
            return
        self.answered = True
        text = None if notice is None else notice[:_ALERT_LENGTH]
        try:
            await self._outbox.connected().answer_callback_query(
                self._id, text, show_alert=alert and text is not None
            )
        except TelegramError as error:  # it is too late, or will be in a moment
            log.info("a press cannot be answered: %s", in_short(error))


class ChatAnswer:
    """The answer to a message or to a press below one.

    Whoever waited while nobody was there is told at once that it goes on, and the answer takes the
    place of that note: an edit can be made twice where a message would be there twice. So is
    whoever asks soon after a process was killed, since that one is seldom the last.

    note: the key of the sentence for that, if there is to be one.
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
        self._message = message  # the draft or note that has been sent
        self._note = note
        self._signs: list[asyncio.Task[None]] = []
        self._typing: asyncio.Task[None] | None = None
        self._shown = Rendered("")
        self._next_draft = 0.0

    def pack(self) -> dict[str, Any]:
        return {"kind": "chat", "place": asdict(self._place), "message": self._message}

    async def acknowledge(self, job: Job) -> None:
        self._signs.append(asyncio.create_task(self._outbox.show_typing(self._place)))
        if self._press is not None:
            self._signs.append(asyncio.create_task(self._press.answer()))
        await asyncio.wait(self._signs, timeout=SIGN_SECONDS)
        if self._note is not None and self._message is None:
            note = plain(say(self._note, job.language))
            self._message = await self._outbox.stand(self._place, note, reference=job.reference)
        self._typing = asyncio.create_task(self._keep_typing(), name=f"typing {job.reference}")

    async def progress(self, job: Job, draft: Preview) -> None:
        content, now = render_draft(draft), time.monotonic()
        if content == self._shown or now < self._next_draft:
            return
        if self._place.chat < 0:
            self._next_draft = now + GROUP_DRAFT_SECONDS
        try:
            # A first draft whose answer is lost stays as it is, above the answer.
            self._message = await self._outbox.put(
                self._place, content, edit=self._message, priority=Priority.DRAFT
            )
        except TelegramError as error:
            log.debug("%s: no draft: %s", job.reference, in_short(error))
        else:
            self._shown = content

    async def finish(self, job: Job, answer: Answer) -> None:
        buttons = Button.below(job.requester.user, job.options, answer.result)
        await self._stand(job, render_answer(answer, job.language), buttons)

    async def offer(self, job: Job, endings: Endings) -> None:
        buttons = Button.below_endings(job.requester.user, job.options, endings.results)
        await self._stand(job, render_endings(endings, job.language), buttons)

    async def fail(self, job: Job, notice: str) -> None:
        self._stop_typing()
        if self._press is not None and not self._press.answered:
            await self._press.answer(notice)
            return
        await self._outbox.stand(
            self._place, plain(notice), reference=job.reference, edit=self._message
        )

    async def _stand(self, job: Job, content: Rendered, buttons: list[Button]) -> None:
        self._stop_typing()
        await self._outbox.stand(
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
    """Buttons as Telegram shows them, those of endings in a row and others two by two; their ids
    hold all they need, so they survive any restart."""
    keys = [InlineKeyboardButton(each.label(language), callback_data=each.id) for each in buttons]
    wide = len(CHOICES) if buttons[0].verb in CHOICES else 2
    return InlineKeyboardMarkup([keys[first : first + wide] for first in range(0, len(keys), wide)])
