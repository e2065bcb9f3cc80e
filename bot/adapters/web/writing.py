"""Streaming of an answer to a browser, as lines of JSON.

    {"is": "note", "text"}              the position in the queue
    {"is": "text", "phrase", "more"}    text since the line before
    {"is": "done", ...}                 the whole answer
    {"is": "endings", "endings"}        endings to choose from, each with the fields of `done`
    {"is": "failed", "notice"}          the reason for no answer

The last line is `done`, `endings` or `failed`. Empty lines keep the connection alive.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from bot.adapters.web.requests import TextAsked, read
from bot.adapters.web.visitors import Visitors
from bot.requests.closing_phrase import closing_phrase
from bot.requests.endings import ENDINGS, Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import Platform
from bot.service.service import Service
from bot.settings.settings import Settings
from bot.texts import say

# Proxies close connections that are idle for a minute.
ALIVE_SECONDS = 15.0
# A client that does not read a line in this time is gone.
LINE_SECONDS = 30.0
_HEADERS = {
    "Content-Type": "application/x-ndjson",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # or nginx would buffer the stream
}


class AnswerStream:
    """The origin of a job: turns its events into lines.

    ended: whether the last line is known.
    """

    def __init__(self) -> None:
        self.ended = False
        self._news = asyncio.Event()
        self._draft = Preview()
        self._last: dict[str, Any] = {}

    def show(self, draft: Preview) -> None:
        """Show a preview; it replaces one that was not sent yet."""
        self._draft = draft
        self._news.set()

    def finish(self, answer: Answer) -> None:
        """End with the answer."""
        self._end({"is": "done"} | _content_of(answer))

    def offer(self, endings: Endings, language: str) -> None:
        """End with endings to choose from."""
        answers = [Answer.of(result, language) for result in endings.results]
        self._end({"is": "endings", "endings": list(map(_content_of, answers))})

    def fail(self, notice: str) -> None:
        """End without an answer."""
        self._end({"is": "failed", "notice": notice})

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield each line as soon as possible, up to the last."""
        sent = ""
        while True:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                yield b"\n"
                continue
            self._news.clear()
            if self.ended:
                yield _line(self._last)
                return
            draft = self._draft
            if draft.note:
                yield _line({"is": "note", "text": draft.note})
            elif len(draft.continuation) > len(sent):
                more = draft.continuation[len(sent) :]
                sent = draft.continuation
                yield _line({"is": "text", "phrase": draft.phrase, "more": more})

    def _end(self, last: dict[str, Any]) -> None:
        self.ended, self._last = True, last
        self._news.set()


class Writing:
    """Handles requests for a text."""

    def __init__(
        self, settings: Settings, service: Service, platform: Platform, visitors: Visitors
    ) -> None:
        self._settings, self._service = settings, service
        self._platform, self._visitors = platform, visitors

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Stream an answer; withdraw the job once the client is gone."""
        asked = await read(request, TextAsked)
        if request.transport is None or request.transport.is_closing():
            # aiohttp cancels handlers when their client leaves, but not those that start later.
            return web.Response()
        job, stream = self._job(request, asked)
        response = web.StreamResponse(headers=_HEADERS)
        self._service.start(job, self._platform)
        try:
            await response.prepare(request)
            async for line in stream.lines():
                async with asyncio.timeout(LINE_SECONDS):
                    await response.write(line)
            await response.write_eof()
        except (ConnectionError, TimeoutError):
            pass  # the client is gone
        finally:
            if not stream.ended:
                self._service.withdraw(job)
        return response

    def _job(self, request: web.Request, asked: TextAsked) -> tuple[Job, AnswerStream]:
        settings, phrase = self._settings, asked.text
        if asked.goes_on:
            phrase = closing_phrase(phrase, settings.phrase_limit)
        stream = AnswerStream()
        requester = self._visitors.requester(request, asked.language)
        job = Job(phrase, asked.options(settings), requester, stream, private=True)
        job.endings = ENDINGS if asked.endings else 0
        return job, stream


def stop_for_cancel(notice: str, language: str) -> str:
    """The notice with the page's button in place of /cancelar."""
    return notice.replace("/cancelar", f"«{say('web_stop', language)}»")


def _content_of(answer: Answer) -> dict[str, Any]:
    result = answer.result
    return {
        "phrase": answer.phrase,
        "continuation": answer.continuation,
        "notices": answer.notices,
        "style": result.style,
        "seed": result.seed,
        "checkpoint": result.checkpoint,
    }


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"
