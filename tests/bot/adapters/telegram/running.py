"""`litteragpt bot` as a process that serves a fake Telegram."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bot.programs import PROGRAM, SECONDS, environment
from tests.fakes.telegram import FakeTelegram

# No limits unless a test sets them.
GENEROUS = {"person_per_minute": 0, "person_per_day": 0, "server_per_minute": 0, "strikes": 0}


class Bot:
    """A process of the bot, and its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._log: list[str] = []
        self._new_line = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @property
    def log(self) -> str:
        """The log so far."""
        return "".join(self._log)

    async def logged(self, text: str, seconds: float = 20.0) -> str:
        """Wait for a line of the log with this text."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self._log:
                    if text in line:
                        return line
                self._new_line.clear()
                await self._new_line.wait()

    async def until(self, happened: Coroutine[Any, Any, object]) -> None:
        """Wait for an effect of this process; AssertionError if it ends first."""
        waiting, life = asyncio.create_task(happened), asyncio.create_task(self.process.wait())
        await asyncio.wait({waiting, life}, return_when=asyncio.FIRST_COMPLETED)
        life.cancel()
        assert self.process.returncode is None, self.log
        await waiting

    def terminate(self) -> None:
        """End the process like an operator or systemd."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = await asyncio.wait_for(self.process.wait(), SECONDS)
        await self._reader
        return code

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self._log.append(line.decode())
            self._new_line.set()


def settings_of(
    server: FakeTelegram, checkpoints: Path, state: Path, **settings: object
) -> dict[str, str]:
    """The environment of a bot on this server. Names in capitals are complete variable names."""
    telegram = {
        "TELEGRAM_TOKEN": server.token,
        "TELEGRAM_API_BASE": server.base,
        "TELEGRAM_POLL_SECONDS": "2",
    }
    plain = {name: value for name, value in settings.items() if name.islower()}
    whole = {name: str(value) for name, value in settings.items() if name.isupper()}
    ours = GENEROUS | {"state_dir": state, "shutdown_seconds": 10} | plain
    return environment(checkpoints, **ours) | telegram | whole


async def start(settings: Mapping[str, str], folder: Path) -> Bot:
    """Start the program in this folder."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "bot", env=dict(settings), cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    return Bot(process)


@asynccontextmanager
async def running(
    server: FakeTelegram, checkpoints: Path, state: Path, **settings: object
) -> AsyncIterator[Bot]:
    """Run a bot and end it with SIGTERM; checks the exit code unless it has ended before."""
    bot = await start(settings_of(server, checkpoints, state, **settings), state)
    try:
        await bot.until(server.connected(again=True))
        yield bot
        if bot.process.returncode is None:
            bot.terminate()
        assert await bot.ended() == 0
    finally:
        if bot.process.returncode is None:
            bot.process.kill()
            await bot.ended()
        # Never in a log.
        assert server.token not in bot.log
        assert "Traceback" not in bot.log
