"""A worker process: its start, its pipes, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from typing import cast

from bot.executor.codec import LINE_LIMIT, decode, encode
from bot.executor.generation import UnavailableError
from bot.executor.messages import Message, Ready, Unusable

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
        self._log = asyncio.create_task(_log_lines(errors), name="worker log")

    @classmethod
    async def spawn(cls, command: Sequence[str]) -> WorkerProcess:
        """Start a worker. command: arguments of the Python interpreter."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a numpy.py in the working directory must not be imported
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,  # the bot handles Ctrl-C in the terminal
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

    async def ready(self) -> Ready:
        """Wait for its first message. Raises the CodedError it reports, or UnavailableError."""
        try:
            line = await asyncio.wait_for(self._lines.readline(), START_SECONDS)
        except TimeoutError:
            raise UnavailableError(f"the worker took over {START_SECONDS:.0f} s") from None
        if not line:
            raise UnavailableError("the worker ended before it was ready")
        try:
            message = decode(line)
        except ValueError:
            message = None
        match message:
            case Ready():
                return message
            case Unusable():
                raise message.failure.exception()
            case _:
                raise UnavailableError(f"the worker began with {line[:60]!r}")

    async def messages(self) -> AsyncIterator[Message]:
        """Its messages until it dies. Raises ValueError for a malformed or endless line."""
        async for line in self._lines:
            yield decode(line)

    def send(self, message: Message) -> None:
        """Send it a message, without effect when it is dead."""
        stream = self._process.stdin
        if stream is not None and not stream.is_closing():
            stream.write(encode(message))

    def kill(self) -> None:
        """Kill it, if it lives."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def dismiss(self) -> None:
        """Close its input, and kill it if it does not end."""
        if self.code is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.kill()

    async def end(self) -> None:
        """Wait for its end, killing it if it takes long, and for the rest of its error stream,
        which a child process may hold open."""
        # A process that has just ended must not be signalled: Popen.send_signal would reap it and
        # take its exit code from the waiting task.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), LAST_WORDS_SECONDS)
        self.kill()
        await self._process.wait()
        await asyncio.wait([self._log], timeout=LAST_WORDS_SECONDS)
        self._log.cancel()


async def _log_lines(errors: asyncio.StreamReader) -> None:
    """Log each line of a worker's error stream."""
    while True:
        try:
            line = await errors.readline()
        except ValueError:  # a line without end
            continue
        if not line:
            return
        if text := line.decode(errors="replace").strip():
            log.warning("%s", text)
