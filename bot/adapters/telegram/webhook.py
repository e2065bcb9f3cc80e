"""A server for Telegram's webhook (https://core.telegram.org/bots/api#setwebhook).

Accepts only posts with the right path and secret, a small body and JSON. Telegram repeats a
delivery unless the response is 200, so malformed updates are accepted and skipped.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from telegram.error import InvalidToken, TelegramError
from yarl import URL

from bot.adapters.telegram.connection import (
    ALLOWED_UPDATES,
    BotConnection,
    ConnectionFailedError,
    summarize_error,
)
from bot.adapters.telegram.intake import Intake
from bot.net.ports import PortError, listen
from bot.requests.platform import RefusedError
from bot.settings.names import WEBHOOK_PORT
from bot.settings.settings import Settings
from bot.texts import say

log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (a name)
BODY_BYTES = 1 << 20
# How often the registered URL is checked.
CHECK_SECONDS = 300.0


class Webhook:
    """Listens, and registers its URL with Telegram."""

    def __init__(self, bot: BotConnection, intake: Intake, settings: Settings) -> None:
        self._bot, self._intake = bot, intake
        self._url = settings.telegram_webhook_url or ""
        secret = settings.telegram_webhook_secret
        self._secret = "" if secret is None else secret.get_secret_value()
        self._host, self._port = settings.telegram_webhook_host, settings.telegram_webhook_port

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Accept updates while the context is open. Raises RefusedError for an unavailable port or
        an invalid token, ConnectionFailedError if the URL cannot be registered."""
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_post(URL(self._url).path or "/", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            try:
                await listen(runner, self._host, self._port, WEBHOOK_PORT)
            except PortError as error:
                raise RefusedError(str(error)) from None
            await self._announce()
            yield
        finally:
            await runner.cleanup()

    async def watch(self) -> None:
        """Return when another program with this token has changed or removed the URL."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                there = (await self._bot.get_webhook_info()).url
            except TelegramError as error:
                log.debug("the webhook cannot be checked: %s", summarize_error(error))
                continue
            if there != self._url:
                log.warning("Telegram delivers updates elsewhere; telling it where we are")
                return

    async def _announce(self) -> None:
        try:
            await self._bot.set_webhook(
                self._url, allowed_updates=ALLOWED_UPDATES, secret_token=self._secret
            )
        except InvalidToken:
            raise RefusedError(say("telegram_refused")) from None
        except TelegramError as error:
            raise ConnectionFailedError(summarize_error(error)) from None

    async def _receive(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        # aiohttp decodes invalid UTF-8 to surrogates.
        bytes_given = given.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(bytes_given, self._secret.encode()):
            raise web.HTTPForbidden
        try:
            update = json.loads(await request.read())  # 413 for a body over the limit
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest from None
        await self._intake.take(update)
        return web.Response()
