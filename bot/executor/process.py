"""A worker's process as the bot sees it: started, spoken to by lines of JSON, ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from typing import cast

from bot.executor.generation import UnavailableError
from bot.executor.messages import LINE_LIMIT, Message, decode, encode, error_of

log = logging.getLogger("bot.worker")

START_SECONDS = 120.0
STOP_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0


class WorkerProcess:
    """One life of a worker; see `spawn`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # Piped, see `spawn`.
        self._lines = cast("asyncio.StreamReader", process.stdout)
        errors = cast("asyncio.StreamReader", process.stderr)
        self._retelling = asyncio.create_task(_retell(errors), name="worker log")

    @classmethod
    async def spawn(cls, command: Sequence[str]) -> WorkerProcess:
        """Start a worker. command: arguments of the Python interpreter."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file called numpy.py in the working directory is none of our business
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,  # Ctrl-C in the terminal is the bot's to handle
        )
        return cls(process)

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self.code is None else None

    @property
    def code(self) -> int | None:
        """Its exit code, None while it lives."""
        return self._process.returncode

    async def ready(self) -> Message:
        """Wait until it can write; what it says of itself. Raises the CodedError that keeps it from
        writing, or UnavailableError."""
        try:
            line = await asyncio.wait_for(self._lines.readline(), START_SECONDS)
        except TimeoutError:
            raise UnavailableError(f"the worker took over {START_SECONDS:.0f} s") from None
        if not line:
            raise UnavailableError("the worker ended before it was ready")
        try:
            message = decode(line)
        except ValueError:
            raise UnavailableError(f"the worker began with {line[:60]!r}") from None
        if message["is"] != "ready":
            raise error_of(message["error"])
        return message

    async def messages(self) -> AsyncIterator[Message]:
        """What it says until it dies. Raises ValueError for no JSON, or a line without end."""
        async for line in self._lines:
            yield decode(line)

    def send(self, message: Message) -> None:
        """Say something to it; a dead one does not hear."""
        stream = self._process.stdin
        if stream is not None and not stream.is_closing():
            stream.write(encode(message))

    def kill(self) -> None:
        """End it at once, if it lives."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def dismiss(self) -> None:
        """Have it end by itself, or at once when it does not."""
        if self.code is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.kill()

    async def end(self) -> None:
        """See its end, soon by itself or else at once, and wait for its last words, unless a child
        of its own holds the stream."""
        # One that has just ended by itself must not be signalled: see Popen.send_signal, which
        # would take its exit code from whoever waits for it.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), LAST_WORDS_SECONDS)
        self.kill()
        await self._process.wait()
        await asyncio.wait([self._retelling], timeout=LAST_WORDS_SECONDS)
        self._retelling.cancel()


async def _retell(errors: asyncio.StreamReader) -> None:
    """Put what a worker or a library of its says on its error stream into the log, a line each."""
    while True:
        try:
            line = await errors.readline()
        except ValueError:  # a line without end
            continue
        if not line:
            return
        if told := line.decode(errors="replace").strip():
            log.warning("%s", told)
