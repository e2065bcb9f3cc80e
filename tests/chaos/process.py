"""The real bot as a process, with its worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.bot.programs import PROGRAM


class Bot:
    """`litteragpt bot`, restarted after each kill; all lives log to one file."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment, self._log = dict(environment), log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The pid of the current process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *PROGRAM, "bot", env=self._environment, stdin=asyncio.subprocess.DEVNULL, stderr=log
            )

    async def kill(self, seconds: float) -> None:
        """Kill the process after `seconds`, without warning."""
        assert self._process is not None
        await _kill(self.pid, seconds)
        await self._process.wait()

    async def kill_worker(self, seconds: float) -> bool:
        """Kill the worker after `seconds`; False if there is none."""
        await asyncio.sleep(seconds)
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.pid).children():
                await _kill(child.pid, 0)
                return True
        return False

    async def stop(self) -> int:
        """Terminate the process; return its exit code."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 60)


async def _kill(pid: int, seconds: float) -> None:
    """Kill from another process: this one's event loop runs both fakes too, so a kill from it would
    always come while requests wait in the fakes' sockets."""
    script = 'sleep "$1"; kill -9 "$2" 2>/dev/null'
    killer = await asyncio.create_subprocess_exec("sh", "-c", script, "sh", str(seconds), str(pid))
    await killer.wait()
