"""A request: its text as it comes, then its result or error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from model.engine.result import Result
from model.errors import LitteraError
from model.text.prompt import Options


class QueueFullError(LitteraError):
    """The queue holds as many requests as it may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} requests are unfinished already")


class WorkerLostError(LitteraError):
    """The worker died with this request every time it ran."""


class UnavailableError(LitteraError):
    """No worker can be started, or the executor is closed."""


class Restarted:
    """Marks in a stream that the worker died and the text starts again."""


class Generation:
    """A request. Iterate over it for its text as it comes, then await `result`."""

    def __init__(self, number: int, phrase: str, options: Options) -> None:
        self.number, self.phrase, self.options = number, phrase, options
        self.runs = 0
        self.kills = 0  # workers that died while this was their only request
        self._text = ""
        self._restarted = False
        self._changed = asyncio.Event()
        self._outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        # The failure of an abandoned request is not an unhandled exception.
        self._outcome.add_done_callback(lambda done: done.cancelled() or done.exception())

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome.done()

    async def result(self) -> Result:
        """The finished text. Raises PromptError, WorkerLostError or UnavailableError.

        Cancelling the wait does not cancel the request, see Executor.cancel.
        """
        return await asyncio.shield(self._outcome)

    async def __aiter__(self) -> AsyncIterator[str | Restarted]:
        """The text as it comes, each piece once, until the outcome is known."""
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
        """Append text. For the executor."""
        self._text += text
        self._changed.set()

    def restart(self) -> None:
        """Discard the text and start again. For the executor."""
        self._text, self._restarted = "", True
        self._changed.set()

    def finish(self, outcome: Result | Exception | None) -> None:
        """Set the outcome; None cancels. For the executor."""
        if not self.done:
            if outcome is None:
                self._outcome.cancel()
            elif isinstance(outcome, Exception):
                self._outcome.set_exception(outcome)
            else:
                self._outcome.set_result(outcome)
        self._changed.set()
