"""One request as its asker sees it: text as it comes, then a result or the reason there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from model.engine.result import Result
from model.errors import LitteraError
from model.text.prompt import Options


class QueueFullError(LitteraError):
    """So many requests are unfinished that another is not taken."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} requests are unfinished already")


class WorkerLostError(LitteraError):
    """The worker died with this request every time it ran."""


class UnavailableError(LitteraError):
    """No worker can be started, or the executor is closed."""


class Restarted:
    """In a stream of text: the worker died, the text begins anew."""


class Generation:
    """One request: iterate over it for its text as it comes, then read `result`."""

    def __init__(self, number: int, phrase: str, options: Options) -> None:
        self.number, self.phrase, self.options = number, phrase, options
        self.runs = 0
        self.kills = 0  # workers that died while this was all they wrote
        self._text = ""
        self._restarted = False
        self._changed = asyncio.Event()
        self._outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        # An abandoned request's failure is nobody's unhandled exception.
        self._outcome.add_done_callback(lambda done: done.cancelled() or done.exception())

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome.done()

    async def result(self) -> Result:
        """The finished text. Raises PromptError, WorkerLostError or UnavailableError; cancelling
        the waiting task does not cancel the request (see Executor.cancel)."""
        return await asyncio.shield(self._outcome)

    async def __aiter__(self) -> AsyncIterator[str | Restarted]:
        """The text as it comes, in pieces that nobody read yet; ends with the outcome."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._restarted:
                self._restarted = False
                yield Restarted()
            if self._text:
                text, self._text = self._text, ""
                yield text
            if self.done:
                return

    def add_text(self, text: str) -> None:
        """Called by the executor: more text."""
        self._text += text
        self._changed.set()

    def restart(self) -> None:
        """Called by the executor: what came so far is void."""
        self._text, self._restarted = "", True
        self._changed.set()

    def finish(self, outcome: Result | Exception | None) -> None:
        """Called by the executor: the outcome; None cancels."""
        if not self.done:
            if outcome is None:
                self._outcome.cancel()
            elif isinstance(outcome, Exception):
                self._outcome.set_exception(outcome)
            else:
                self._outcome.set_result(outcome)
        self._changed.set()
