"""The chat in the terminal: each line is a phrase, and its continuation is streamed."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TextIO

from bot.admin.commands import Command
from bot.admin.reports import failed_reload_report, model_report, reload_report, replicas_report
from bot.executor.executor import Executor
from bot.executor.generation import Generation, Restarted
from bot.service.errors import sentence
from bot.settings.settings import Settings
from bot.texts import say
from bot.texts.catalogue import notices
from bot.texts.formatting import duration
from bot.texts.wrapping import Wrapper, columns_of, fitted
from model.engine.result import Result
from model.errors import LitteraError
from model.printable import escape_controls
from model.text.phrase import Phrase

PROMPT = "> "


class Console:
    """Reads lines from `source` and answers on `out` until the input ends or `/salir`."""

    def __init__(self, executor: Executor, settings: Settings, source: TextIO, out: TextIO) -> None:
        self.executor, self.settings = executor, settings
        self._source, self._out = source, out
        self._interactive = source.isatty() and out.isatty()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)
        self._started = time.monotonic()
        self._speed: float | None = None
        self._writing: Generation | None = None
        # Whether input other than a terminal ended without a line.
        self.silent = False
        self._commands: dict[str, Callable[[str], Coroutine[None, None, None]]] = {
            f"/{Command.WRITE}": self._write,
            f"/{Command.RELOAD}": self._reload,
            f"/{Command.MODEL}": self._show_model,
            f"/{Command.STATUS}": self._show_status,
            f"/{Command.HELP}": self._show_help,
        }

    async def run(self) -> None:
        """Answer lines until the end."""
        threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True).start()
        self._say(say("welcome", name=self.executor.serving.name))
        read = 0
        while True:
            if self._interactive:
                self._put(PROMPT)
            line = await self._lines.get()
            self.silent = line is None and read == 0 and not self._interactive
            read += 1
            if line is None or line.strip() == "/salir":
                break
            await self._answer(line.strip())
        if not self.silent:
            self._say(say("goodbye"))

    def interrupt(self) -> bool:
        """Handle Ctrl-C: cancel the running answer; False if there is none."""
        if self._writing is None or self._writing.done:
            return False
        self.executor.cancel(self._writing)
        return True

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass lines to the event loop, from a thread: not every system can await a terminal."""

        def hand_over(line: str | None) -> None:
            asyncio.run_coroutine_threadsafe(self._lines.put(line), loop).result()

        # The loop may end while this thread waits for a line or for the queue.
        with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):
            with contextlib.suppress(OSError):  # a closed terminal ends the input
                for line in self._source:
                    hand_over(line)
            hand_over(None)

    async def _answer(self, line: str) -> None:
        if not line:
            return
        command, _, rest = line.partition(" ")
        if not command.startswith("/"):
            await self._write(line)
        elif (handle := self._commands.get(command)) is not None:
            await handle(rest.strip())
        else:
            self._say(say("no_such_command", command=command))

    async def _write(self, phrase: str) -> None:
        if not phrase:
            self._say(say("no_phrase"))
            return
        started = time.monotonic()
        try:
            self._writing = self.executor.submit(phrase, self.settings.options())
            result = await self._stream(self._writing)
        except LitteraError as error:
            self._say(sentence(error))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the console is being closed
            self._say(" " + say("cancelled"))
        else:
            self._speed = result.characters / (time.monotonic() - started)
            self._say("")
            for notice in notices(result.dropped, result.truncated):
                self._say(f"({notice})")
        finally:
            self._writing = None

    async def _stream(self, writing: Generation) -> Result:
        shown: Wrapper | None = None
        try:
            async for piece in writing:
                if isinstance(piece, Restarted):
                    if shown is not None:
                        self._say(f"{shown.end()} {say('restarted')}")
                    shown = None
                    continue
                if shown is None:
                    shown = Wrapper(columns_of(self._out))
                    self._put(shown.feed(Phrase.of(writing.phrase).shown(piece)))
                self._put(shown.feed(piece))
            return await writing.result()
        finally:
            if shown is not None:
                self._put(shown.end())

    async def _reload(self, name: str) -> None:
        old = self.executor.serving
        try:
            folder = self.settings.checkpoints_dir
            path = self.executor.pool.named_checkpoint(name, folder) if name else old.path
            done = await self.executor.reload(path)
        except LitteraError as error:
            self._say(failed_reload_report(old, error))
            return
        self._say(reload_report(done))

    async def _show_model(self, _: str) -> None:
        self._say(model_report(self.executor.serving, self._speed))

    async def _show_status(self, _: str) -> None:
        speed = self._speed
        self._say(
            say(
                "status",
                pending=self.executor.pending,
                answered=self.executor.answered,
                restarts=self.executor.restarts,
                uptime=duration(time.monotonic() - self._started),
                speed=say("speed_unknown") if speed is None else say("speed", speed=speed),
            )
        )
        for line in replicas_report(self.executor.pool.replicas):
            self._say(line)

    async def _show_help(self, _: str) -> None:
        self._say(say("help", sentences=self.settings.sentences))

    def _put(self, text: str) -> None:
        self._out.write(escape_controls(text))
        self._out.flush()

    def _say(self, text: str) -> None:
        self._put(fitted(text, self._out) + "\n")


def standard_console(executor: Executor, settings: Settings) -> Console:
    """The console on this process's standard input and output."""
    return Console(executor, settings, sys.stdin, sys.stdout)
