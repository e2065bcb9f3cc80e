"""Telegram as a platform of the core: one connection's life at a time, and the five verbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast

from telegram.error import InvalidToken, TelegramError

from bot.adapters.telegram.answers import ChatAnswer, WayBack
from bot.adapters.telegram.context import NAME, PATIENCE_SECONDS, RESUMED, Context
from bot.adapters.telegram.dispatcher import Dispatcher
from bot.adapters.telegram.guest import GuestAnswer
from bot.adapters.telegram.intake import Intake, Seen
from bot.adapters.telegram.link import Link, LinkError, in_short, log_in, make_link
from bot.adapters.telegram.menus import Menus
from bot.adapters.telegram.outbox import Outbox, Place
from bot.adapters.telegram.polling import Polling
from bot.adapters.telegram.rate_limiter import RateLimiter
from bot.adapters.telegram.webhook import Webhook
from bot.context import Core
from bot.requests.connection import Connection
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import SELDOM, RefusedError
from bot.store.coordination import LeaderLease
from bot.texts import say

log = logging.getLogger(__name__)


class Telegram:
    """Serves one bot on Telegram; see bot.requests.platform.Platform."""

    name = NAME
    may_stay_silent = True
    patience = PATIENCE_SECONDS
    pace = SELDOM

    def __init__(self, core: Core) -> None:
        self._core = core
        # These outlive a connection: what Telegram still holds against us, what was answered, and
        # jobs that are delivered by whichever connection lives.
        self._limiter = RateLimiter()
        self._outbox = Outbox()
        self._seen = Seen()
        self.connection = Connection()
        self._context: Context | None = None

    def pack(self, job: Job) -> Any:
        return cast("WayBack", job.origin).pack()

    def unpack(self, origin: Any) -> WayBack:
        if origin["kind"] == "chat":
            place = Place(**origin["place"])
            return ChatAnswer(self._outbox, place, message=origin["message"], note=RESUMED)
        if origin["kind"] == "guest" and self._context is not None:
            return GuestAnswer(self._context, origin["query"])
        raise ValueError(origin["kind"])

    async def run(self) -> None:
        """One connection's life, from the first request to the end of everything it opened."""
        link = make_link(self._core.settings, self._limiter, self._note_limit)
        try:
            await log_in(link)
            async with self._handling(link) as intake:
                if self._core.settings.telegram_webhook_url is None:
                    await self._poll(link, intake)
                else:
                    await self._listen(link, intake)
        finally:
            self.connection.note(False)
            await link.shutdown()

    async def acknowledge(self, job: Job) -> None:
        await self._keeping(job, cast("WayBack", job.origin).acknowledge(job))

    async def progress(self, job: Job, draft: Preview) -> None:
        await self._keeping(job, cast("WayBack", job.origin).progress(job, draft))

    async def _keeping(self, job: Job, showing: Awaitable[None]) -> None:
        """Show something, and keep where it stands if a message of ours is there to be edited."""
        before = self.pack(job)
        await showing
        if (now := self.pack(job)) != before:
            await self._core.store.note_origin(job, now)

    async def finish(self, job: Job, answer: Answer) -> None:
        await cast("WayBack", job.origin).finish(job, answer)

    async def offer(self, job: Job, endings: Endings) -> None:
        await cast("WayBack", job.origin).offer(job, endings)

    async def fail(self, job: Job, notice: str) -> None:
        await cast("WayBack", job.origin).fail(job, notice)

    @asynccontextmanager
    async def _handling(self, link: Link) -> AsyncIterator[Intake]:
        """Everything that works on updates while this connection lives."""
        menus = Menus(link, self._core)
        context = Context(self._core, self, self._outbox, link.bot)
        intake = Intake(link, Dispatcher(context, menus), self._seen, self._core.store)
        self._context, self._outbox.link = context, link
        tasks = (
            asyncio.create_task(menus.publish(), name="telegram menus"),
            asyncio.create_task(intake.take_over(), name="telegram takeover"),
        )
        log.info("Telegram: @%s", link.bot.username)
        try:
            await self._core.service.recover(self)
            await intake.resume()
            yield intake
        finally:
            self._outbox.link = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await intake.close()

    async def _poll(self, link: Link, intake: Intake) -> None:
        try:  # or else Telegram would refuse to be asked
            await link.delete_webhook(drop_pending_updates=False)
        except InvalidToken:
            raise RefusedError(say("telegram_refused")) from None
        except TelegramError as error:
            raise LinkError(in_short(error)) from None
        name = f"{NAME}:{link.id}"
        try:
            await self._poll_in_turn(link, intake, self._core.store.coordinator.campaign(name))
        finally:
            self.connection.standing_by = False
            self._core.store.coordinator.resign(name)

    async def _poll_in_turn(self, link: Link, intake: Intake, lead: LeaderLease) -> None:
        """Poll whenever it is this process that does, for as long as nobody else has taken over."""
        seconds = self._core.settings.telegram_poll_seconds
        await lead.known()
        while True:
            if not lead.held:
                self.connection.standing_by = True
                log.info("standing by: another process fetches the updates from Telegram")
                await lead.won()
                log.info("fetching the updates from Telegram now")
            self.connection.standing_by = False
            polling = asyncio.create_task(
                Polling(link, intake, lead, seconds, self.connection.note).run(), name="polling"
            )
            lost = asyncio.create_task(lead.lost())
            try:
                await asyncio.wait((polling, lost), return_when=asyncio.FIRST_COMPLETED)
                if polling.done():
                    polling.result()
            finally:
                polling.cancel()
                lost.cancel()
                await asyncio.gather(polling, lost, return_exceptions=True)
                self.connection.note(False)

    async def _listen(self, link: Link, intake: Intake) -> None:
        webhook = Webhook(link, intake, self._core.settings)
        async with webhook.listening():
            self.connection.note(True)
            await webhook.watch()

    def _note_limit(self) -> None:
        self._core.service.stats.rate_limited[self.name] += 1
