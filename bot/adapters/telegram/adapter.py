"""Telegram as a platform: one connection at a time, and the five verbs for a job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast

from telegram.error import InvalidToken, TelegramError

from bot.adapters.telegram.answers import ChatAnswer, WayBack
from bot.adapters.telegram.connection import (
    BotConnection,
    ConnectionFailedError,
    ServerClock,
    log_in,
    make_connection,
    summarize_error,
)
from bot.adapters.telegram.context import NAME, PATIENCE_SECONDS, RESUMED, Context
from bot.adapters.telegram.dispatcher import Dispatcher
from bot.adapters.telegram.inline import GuestAnswer
from bot.adapters.telegram.intake import Intake, Seen
from bot.adapters.telegram.menus import Menus
from bot.adapters.telegram.outbox import Outbox, Place
from bot.adapters.telegram.polling import Polling
from bot.adapters.telegram.rate_limiter import RateLimiter
from bot.adapters.telegram.webhook import Webhook
from bot.context import Core
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
        # These outlive a connection: rate limits and ids of updates apply to the next one, and
        # every connection delivers all jobs.
        self._limiter = RateLimiter()
        self._outbox = Outbox()
        self._seen = Seen()
        self.connection = core.connections[self.name]
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
        """Connect and serve until the connection fails; closes all that it opened."""
        clock = ServerClock()
        bot = make_connection(self._core.settings, self._limiter, self._note_limit, clock)
        try:
            await log_in(bot)
            async with self._handling(bot, clock) as intake:
                if self._core.settings.telegram_webhook_url is None:
                    await self._poll(bot, intake)
                else:
                    await self._listen(bot, intake)
        finally:
            self.connection.note(False)
            await bot.shutdown()

    async def acknowledge(self, job: Job) -> None:
        await self._keeping(job, cast("WayBack", job.origin).acknowledge(job))

    async def progress(self, job: Job, draft: Preview) -> None:
        await self._keeping(job, cast("WayBack", job.origin).progress(job, draft))

    async def _keeping(self, job: Job, showing: Awaitable[None]) -> None:
        """Show something, and store the origin if a new message can be edited later."""
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
    async def _handling(self, bot: BotConnection, clock: ServerClock) -> AsyncIterator[Intake]:
        """Handle updates while this connection lasts."""
        menus = Menus(bot, self._core)
        context = Context(self._core, self, self._outbox, bot.bot, since=clock.now())
        intake = Intake(bot, Dispatcher(context, menus), self._seen, self._core.store)
        self._context, self._outbox.bot = context, bot
        tasks = (
            asyncio.create_task(menus.publish(), name="telegram menus"),
            asyncio.create_task(intake.take_over(), name="telegram takeover"),
        )
        log.info("Telegram: @%s", bot.username)
        try:
            await self._core.service.recover(self)
            await intake.resume()
            yield intake
        finally:
            self._outbox.bot = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await intake.close()

    async def _poll(self, bot: BotConnection, intake: Intake) -> None:
        try:  # with a webhook, Telegram refuses getUpdates
            await bot.delete_webhook(drop_pending_updates=False)
        except InvalidToken:
            raise RefusedError(say("telegram_refused")) from None
        except TelegramError as error:
            raise ConnectionFailedError(summarize_error(error)) from None
        name = f"{NAME}:{bot.id}"
        try:
            await self._poll_in_turn(bot, intake, self._core.store.coordinator.campaign(name))
        finally:
            self.connection.standing_by = False
            self._core.store.coordinator.resign(name)

    async def _poll_in_turn(self, bot: BotConnection, intake: Intake, lead: LeaderLease) -> None:
        """Poll while this process is the leader; stand by otherwise."""
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
                Polling(bot, intake, lead, seconds, self.connection.note).run(), name="polling"
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

    async def _listen(self, bot: BotConnection, intake: Intake) -> None:
        webhook = Webhook(bot, intake, self._core.settings)
        async with webhook.listening():
            self.connection.note(True)
            await webhook.watch()

    def _note_limit(self) -> None:
        self._core.service.stats.rate_limited[self.name] += 1
