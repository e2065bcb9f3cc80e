"""Webhook: Telegram delivers updates to us (https://core.telegram.org/bots/api#setwebhook).

A small server that takes nothing but Telegram's posts: right path, right secret, small, JSON. Any
answer but 200 makes Telegram deliver again, so a malformed update is taken and skipped.
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

from bot.adapters.telegram.intake import Intake
from bot.adapters.telegram.link import ALLOWED_UPDATES, Link, LinkError, in_short
from bot.net.ports import PortError, listen
from bot.requests.platform import RefusedError
from bot.settings.names import WEBHOOK_PORT
from bot.settings.settings import Settings
from bot.texts import say

log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (a name)
BODY_BYTES = 1 << 20
# How often it is checked that Telegram still delivers to us.
CHECK_SECONDS = 300.0


class Webhook:
    """Listens, tells Telegram where, and goes on until cancelled."""

    def __init__(self, link: Link, intake: Intake, settings: Settings) -> None:
        self._link, self._intake = link, intake
        self._url = settings.telegram_webhook_url or ""
        secret = settings.telegram_webhook_secret
        self._secret = "" if secret is None else secret.get_secret_value()
        self._host, self._port = settings.telegram_webhook_host, settings.telegram_webhook_port

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Updates are taken in here. Raises RefusedError when the port cannot be had, or for a
        token that is none; LinkError when Telegram cannot be told."""
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
        """Return when Telegram delivers elsewhere, or not at all: somebody else has this token."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                there = (await self._link.get_webhook_info()).url
            except TelegramError as error:
                log.debug("the webhook cannot be checked: %s", in_short(error))
                continue
            if there != self._url:
                log.warning("Telegram delivers updates elsewhere; telling it where we are")
                return

    async def _announce(self) -> None:
        try:
            await self._link.set_webhook(
                self._url, allowed_updates=ALLOWED_UPDATES, secret_token=self._secret
            )
        except InvalidToken:
            raise RefusedError(say("telegram_refused")) from None
        except TelegramError as error:
            raise LinkError(in_short(error)) from None

    async def _receive(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        # Bytes that are no UTF-8 arrive as surrogates.
        bytes_given = given.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(bytes_given, self._secret.encode()):
            raise web.HTTPForbidden
        try:
            update = json.loads(await request.read())  # 413 for a body over the limit
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest from None
        await self._intake.take(update)
        return web.Response()
