"""The monitoring port: /healthz, /readyz and /metrics, and nothing else.

The health pages answer with a JSON object of a state for each part, and with status 200 if all are
healthy, otherwise 503.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.context import Core
from bot.monitoring.health import STARTING, WELL, Health
from bot.net.ports import PortError, listen
from bot.settings.names import METRICS_PORT, SettingsError
from bot.settings.settings import Settings

log = logging.getLogger(__name__)


class Monitor:
    """Reports on the bot in this process: `starting` except while one runs."""

    def __init__(self) -> None:
        self._core: Core | None = None

    @contextmanager
    def watching(self, core: Core) -> Iterator[None]:
        """Report on this bot while the context is open."""
        self._core = core
        try:
            yield
        finally:
            self._core = None

    @property
    def core(self) -> Core | None:
        """The running bot, None while it starts or stops."""
        return self._core

    def live(self) -> dict[str, str]:
        """The report of /healthz."""
        return {"worker": STARTING} if self._core is None else _health(self._core).live()

    def ready(self) -> dict[str, str]:
        """The report of /readyz."""
        return {"worker": STARTING} if self._core is None else _health(self._core).ready()


@asynccontextmanager
async def monitoring(settings: Settings) -> AsyncIterator[Monitor]:
    """Listen on the configured port, if there is one. Raises SettingsError if it cannot be bound.

    Listening begins before the model is loaded, so health checks see a bot that starts.
    """
    monitor = Monitor()
    if not settings.metrics_port:
        yield monitor
        return
    runner = web.AppRunner(_application(monitor), access_log=None)
    await runner.setup()
    try:
        host, port = settings.metrics_host, settings.metrics_port
        try:
            await listen(runner, host, port, METRICS_PORT)
        except PortError as error:
            raise SettingsError(str(error)) from None
        log.info("health and metrics at %s, port %d", host, port)
        yield monitor
    finally:
        await runner.cleanup()


def _health(core: Core) -> Health:
    return Health(core.executor, core.connections)


def _application(monitor: Monitor) -> web.Application:
    from prometheus_client.aiohttp import make_aiohttp_handler

    from bot.monitoring.metrics import metrics_registry

    registry = metrics_registry(lambda: monitor.core)
    application = web.Application()
    application.router.add_get("/healthz", _reporting(monitor.live))
    application.router.add_get("/readyz", _reporting(monitor.ready))
    application.router.add_get("/metrics", make_aiohttp_handler(registry))
    return application


def _reporting(report: Callable[[], dict[str, str]]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        parts = report()
        well = WELL.issuperset(parts.values())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(parts, status=status)

    return answer
