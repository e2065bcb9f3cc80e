"""The page as a platform: an HTTP server, and the five verbs for a job."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web
from yarl import URL

from bot.adapters.web.cards import Cards
from bot.adapters.web.guard import Guard, add_headers
from bot.adapters.web.pages import Pages
from bot.adapters.web.requests import BODY_BYTES
from bot.adapters.web.visitors import NAME, Visitors
from bot.adapters.web.writing import AnswerStream, Writing, stop_for_cancel
from bot.context import Core
from bot.net.ports import PortError, listen
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import AS_WRITTEN, RefusedError
from bot.settings.names import WEB_PORT
from bot.texts import say

log = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 75.0
# How long shutdown waits for open responses.
FAREWELL_SECONDS = 2.0


class Web:
    """Serves the page; a job's origin is the `AnswerStream` to its visitor."""

    name = NAME
    may_stay_silent = False
    # Another process cannot answer: the page's connection ends with this one.
    patience = 0.0
    pace = AS_WRITTEN

    def __init__(self, core: Core) -> None:
        self._core = core
        self.connection = core.connections[self.name]

    def pack(self, job: Job) -> None:
        """Nothing to store: another process cannot answer."""

    def unpack(self, origin: Any) -> Any:
        raise ValueError(origin)

    async def run(self) -> None:
        """Serve until cancelled. Raises RefusedError if the settings exclude all visitors or the
        port is unavailable."""
        settings = self._core.settings
        allowed = settings.allowed_users
        if allowed and self.name not in allowed:
            raise RefusedError(say("web_nobody"))
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,  # a closed page needs no answer
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=FAREWELL_SECONDS,
        )
        await runner.setup()
        try:
            host, port = settings.web_host, settings.web_port
            try:
                await listen(runner, host, port, WEB_PORT)
            except PortError as error:
                raise RefusedError(str(error)) from None
            self.connection.note(True)
            log.info("the page is at %s", URL.build(scheme="http", host=host, port=port, path="/"))
            await asyncio.Event().wait()
        finally:
            self.connection.note(False)
            await runner.cleanup()

    async def acknowledge(self, job: Job) -> None:
        """Do nothing: the page shows that it waits."""

    async def progress(self, job: Job, draft: Preview) -> None:
        _stream(job).show(draft)

    async def finish(self, job: Job, answer: Answer) -> None:
        _stream(job).finish(answer)

    async def offer(self, job: Job, endings: Endings) -> None:
        _stream(job).offer(endings, job.language)

    async def fail(self, job: Job, notice: str) -> None:
        _stream(job).fail(stop_for_cancel(notice, job.language))

    def _application(self) -> web.Application:
        settings = self._core.settings
        visitors = Visitors(settings.web_address_header, published=bool(settings.web_names))
        pages = Pages(settings, self._styles)
        guard = Guard(settings.web_names)
        app = web.Application(client_max_size=BODY_BYTES, middlewares=[guard.check, pages.missing])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", pages.show)
        app.router.add_get("/{file:[a-z-]+\\.[a-z0-9]+}", pages.file)
        app.router.add_post("/write", Writing(settings, self._core.service, self, visitors).write)
        app.router.add_post("/card", Cards(self._core.service, visitors).draw)
        return app

    def _styles(self) -> tuple[str, ...]:
        return self._core.executor.serving.styles


def _stream(job: Job) -> AnswerStream:
    stream: AnswerStream = job.origin
    return stream
