"""The port for whoever watches the bot: /healthz, /readyz and /metrics, and nothing else.

The two answers about health are JSON objects with a word for each part, 200 when all of them are
well and 503 otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.monitoring.health import WELL, Health
from bot.net.ports import PortError, listen
from bot.settings.names import METRICS_PORT, SettingsError
from bot.settings.settings import Settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def monitoring(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Listen where the settings say, if they do. Raises SettingsError when the port cannot be
    had."""
    if not settings.metrics_port:
        yield
        return
    runner = web.AppRunner(_application(health), access_log=None)
    await runner.setup()
    try:
        host, port = settings.metrics_host, settings.metrics_port
        try:
            await listen(runner, host, port, METRICS_PORT)
        except PortError as error:
            raise SettingsError(str(error)) from None
        log.info("health and metrics at %s, port %d", host, port)
        yield
    finally:
        await runner.cleanup()


def _application(health: Health) -> web.Application:
    from prometheus_client.aiohttp import make_aiohttp_handler

    from bot.monitoring.metrics import metrics_registry

    application = web.Application()
    application.router.add_get("/healthz", _reporting(health.live))
    application.router.add_get("/readyz", _reporting(health.ready))
    application.router.add_get("/metrics", make_aiohttp_handler(metrics_registry(health)))
    return application


def _reporting(report: Callable[[], dict[str, str]]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        parts = report()
        well = WELL.issuperset(parts.values())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(parts, status=status)

    return answer
