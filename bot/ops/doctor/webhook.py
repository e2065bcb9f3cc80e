"""Whether requests to the webhook's public address reach the bot's port."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.net.platform_api import api_session
from bot.net.ports import PortError, listen
from bot.ops.doctor.findings import Finding, Grade, good, problem
from bot.settings.names import WEBHOOK_PORT
from bot.settings.settings import Settings
from bot.texts import say

PART = "webhook"
# The bot's response to a request without its secret.
FORBIDDEN = 403


async def reachability(settings: Settings, running: int | None) -> list[Finding]:
    """Post to the public address: a running bot refuses the request; without one, a temporary
    listener on its port receives it."""
    url = settings.telegram_webhook_url or ""
    word = secrets.token_hex(16)
    try:
        if running is not None:
            status, _ = await _post(url)
            return [_verdict(status, status == FORBIDDEN)]
        async with _listening(settings, word):
            status, body = await _post(url)
            return [_verdict(status, (status, body) == (200, word))]
    except PortError as error:
        return [Finding(PART, Grade.PROBLEM, str(error), say("doctor_port_remedy"))]
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        return [problem(PART, "doctor_webhook_unreachable", reason=_reason(error))]


def _verdict(status: int, reached: bool) -> Finding:
    if reached:
        return good(PART, "doctor_webhook")
    return problem(PART, "doctor_webhook_stranger", status=status)


async def _post(url: str) -> tuple[int, str]:
    async with api_session() as session, session.post(url, data=b"{}") as response:
        return response.status, (await response.text(errors="replace"))[:100]


@asynccontextmanager
async def _listening(settings: Settings, word: str) -> AsyncIterator[None]:
    """A temporary server on the bot's port that answers every request with `word`."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text=word)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        host, port = settings.telegram_webhook_host, settings.telegram_webhook_port
        await listen(runner, host, port, WEBHOOK_PORT)
        yield
    finally:
        await runner.cleanup()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return say("doctor_no_answer")
    if isinstance(error, aiohttp.ClientSSLError):
        return say("doctor_bad_certificate")
    return type(error).__name__
