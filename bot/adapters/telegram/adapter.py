"""Telegram as a platform of the core: one connection's life at a time, and the four verbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from telegram.error import InvalidToken, TelegramError

from bot.adapters.telegram.answers import WayBack
from bot.adapters.telegram.context import NAME, Context
from bot.adapters.telegram.dispatcher import Dispatcher
from bot.adapters.telegram.intake import Intake, Seen
from bot.adapters.telegram.link import Link, LinkError, in_short, log_in, make_link
from bot.adapters.telegram.menus import Menus
from bot.adapters.telegram.outbox import Outbox
from bot.adapters.telegram.polling import Polling
from bot.adapters.telegram.rate_limiter import RateLimiter
from bot.adapters.telegram.webhook import Webhook
from bot.core import Core
from bot.jobs import Answer, Draft, Job
from bot.platform import RefusedError
from bot.texts import say

log = logging.getLogger(__name__)


class Telegram:
    """Serves one bot on Telegram; see bot.platform.Platform."""

    name = NAME
    may_stay_silent = True

    def __init__(self, core: Core) -> None:
        self._core = core
        # These outlive a connection: what Telegram still holds against us, what was answered, and
        # jobs that are delivered by whichever connection lives.
        self._limiter = RateLimiter()
        self._outbox = Outbox()
        self._seen = Seen()
        self._connected = False

    @property
    def connected(self) -> bool:
        return self._connected

    async def run(self) -> None:
        """One connection's life, from the first request to the end of everything it opened."""
        link = make_link(self._core.settings, self._limiter)
        try:
            await log_in(link)
            async with self._handling(link) as intake:
                if self._core.settings.telegram_webhook_url is None:
                    await self._poll(link, intake)
                else:
                    await self._listen(link, intake)
        finally:
            self._connected = False
            await link.shutdown()

    async def acknowledge(self, job: Job) -> None:
        await cast("WayBack", job.origin).acknowledge(job)

    async def progress(self, job: Job, draft: Draft) -> None:
        await cast("WayBack", job.origin).progress(job, draft)

    async def finish(self, job: Job, answer: Answer) -> None:
        await cast("WayBack", job.origin).finish(job, answer)

    async def fail(self, job: Job, notice: str) -> None:
        await cast("WayBack", job.origin).fail(job, notice)

    @asynccontextmanager
    async def _handling(self, link: Link) -> AsyncIterator[Intake]:
        """Everything that works on updates while this connection lives."""
        menus = Menus(link, self._core)
        context = Context(self._core, self, self._outbox, link.bot)
        intake = Intake(link, Dispatcher(context, menus), self._seen)
        self._outbox.link = link
        publishing = asyncio.create_task(menus.publish(), name="telegram menus")
        log.info("Telegram: @%s", link.bot.username)
        try:
            yield intake
        finally:
            self._outbox.link = None
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            await intake.close()

    async def _poll(self, link: Link, intake: Intake) -> None:
        try:  # or else Telegram would refuse to be asked
            await link.delete_webhook(drop_pending_updates=False)
        except InvalidToken:
            raise RefusedError(say("telegram_refused")) from None
        except TelegramError as error:
            raise LinkError(in_short(error)) from None
        seconds = self._core.settings.telegram_poll_seconds
        await Polling(link, intake, seconds, self._report).run()

    async def _listen(self, link: Link, intake: Intake) -> None:
        webhook = Webhook(link, intake, self._core.settings)
        async with webhook.listening():
            self._report(True)
            await webhook.watch()

    def _report(self, connected: bool) -> None:
        self._connected = connected
