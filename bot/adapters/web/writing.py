"""An answer on its way to a browser: a line of JSON for each thing that happens.

    {"is": "note", "text"}        how many are ahead
    {"is": "text", "phrase", "more"}    what was written since the line before
    {"is": "done", ...}           the whole answer
    {"is": "endings", "endings"}  what `done` has, for each ending that may be chosen
    {"is": "failed", "notice"}    why there is none

The last line is `done`, `endings` or `failed`. An empty line says nothing but that the connection
lives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from bot.adapters.web.requests import TextAsked, read
from bot.adapters.web.visitors import Visitors
from bot.context import Core
from bot.requests.closing_phrase import closing_phrase
from bot.requests.endings import ENDINGS, Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import Platform
from bot.texts import say

# Proxies cut connections on which nothing comes for a minute.
ALIVE_SECONDS = 15.0
# Whoever takes no line for so long has gone.
LINE_SECONDS = 30.0
_HEADERS = {
    "Content-Type": "application/x-ndjson",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold back what is being written
}


class AnswerStream:
    """The way back for one job: what has happened, and lines that tell it.

    ended: nothing more will happen.
    """

    def __init__(self) -> None:
        self.ended = False
        self._news = asyncio.Event()
        self._draft = Preview()
        self._last: dict[str, Any] = {}

    def show(self, draft: Preview) -> None:
        """What there is so far; of two that come between two lines, the later counts."""
        self._draft = draft
        self._news.set()

    def finish(self, answer: Answer) -> None:
        """The answer is there."""
        self._end({"is": "done"} | _content_of(answer))

    def offer(self, endings: Endings, language: str) -> None:
        """Endings are there to be chosen from."""
        answers = [Answer.of(result, language) for result in endings.results]
        self._end({"is": "endings", "endings": list(map(_content_of, answers))})

    def fail(self, notice: str) -> None:
        """There will be none."""
        self._end({"is": "failed", "notice": notice})

    async def lines(self) -> AsyncIterator[bytes]:
        """Every line, as soon as it can be told, up to the last."""
        told = ""
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
            elif len(draft.continuation) > len(told):
                more = draft.continuation[len(told) :]
                told = draft.continuation
                yield _line({"is": "text", "phrase": draft.phrase, "more": more})

    def _end(self, last: dict[str, Any]) -> None:
        self.ended, self._last = True, last
        self._news.set()


class Writing:
    """Answers requests for a text."""

    def __init__(self, core: Core, platform: Platform, visitors: Visitors) -> None:
        self._core, self._platform, self._visitors = core, platform, visitors

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Write for a visitor for as long as there is somebody to read it."""
        asked = await read(request, TextAsked)
        job, stream = self._job(request, asked)
        response = web.StreamResponse(headers=_HEADERS)
        self._core.service.start(job, self._platform)
        try:
            await response.prepare(request)
            async for line in stream.lines():
                async with asyncio.timeout(LINE_SECONDS):
                    await response.write(line)
            await response.write_eof()
        except (ConnectionError, TimeoutError):
            pass  # nobody reads it any more
        finally:
            if not stream.ended:
                self._core.service.withdraw(job)
        return response

    def _job(self, request: web.Request, asked: TextAsked) -> tuple[Job, AnswerStream]:
        settings, phrase = self._core.settings, asked.text
        if asked.goes_on:
            phrase = closing_phrase(phrase, settings.phrase_limit)
        stream = AnswerStream()
        requester = self._visitors.requester(request, asked.language)
        job = Job(phrase, asked.options(settings), requester, stream, private=True)
        job.endings = ENDINGS if asked.endings else 0
        return job, stream


def stop_for_cancel(notice: str, language: str) -> str:
    """A notice with what this page has in the place of the command that it names."""
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
