"""The real bot as a process that can be killed, with the worker below it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.bot.programs import PROGRAM


class Bot:
    """`litteragpt bot`, started as often as it is killed; everything it logs goes to one file."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment, self._log = dict(environment), log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process that lives at the moment."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Begin a new life."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *PROGRAM, "bot", env=self._environment, stdin=asyncio.subprocess.DEVNULL, stderr=log
            )

    async def kill(self) -> None:
        """End this life without a warning."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def kill_worker(self) -> bool:
        """Kill the process that writes; False when there is none at the moment."""
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            for child in psutil.Process(self.pid).children():
                os.kill(child.pid, signal.SIGKILL)
                return True
        return False

    async def stop(self) -> int:
        """Ask it to end; the exit code."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 60)
