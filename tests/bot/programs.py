"""Runs the program as users do: as a process with pipes, or in a terminal."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot.adapters.console import PROMPT
from bot.settings.names import PREFIX, PREFIXES

PROGRAM = [sys.executable, "-c", "from bot.cli import main; main()"]
SECONDS = 60
DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 (of no bot)


class Outcome(NamedTuple):
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def plain_environment() -> dict[str, str]:
    """The environment of this process without settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}


def environment(checkpoints: Path, **settings: object) -> dict[str, str]:
    """The environment of this process with the checkpoint `tiny`, one CPU thread, and
    `settings`."""
    ours = {
        "checkpoints_dir": checkpoints,
        "checkpoint": "tiny",
        "device": "cpu",
        "threads": 1,
        "sentence_limit": 60,
        # One candidate, so that the text is shown during generation.
        "candidates": 1,
    }
    return plain_environment() | {
        PREFIX + name.upper(): str(value) for name, value in (ours | settings).items()
    }


def as_nobody_special() -> None:
    """In a child process: enforce file permissions for root too (prctl(2))."""
    if os.geteuid() == 0:
        drop_from_bounding_set, overrides = 24, (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        for capability in overrides:
            ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def litteragpt(
    *arguments: str | bytes,
    settings: Mapping[str, str],
    given: bytes = b"",
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end.

    given: standard input.
    prepare: called in the new process."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=dict(settings),
        input=given,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=prepare,
    )


def _be_in_front(terminal: int) -> None:
    """In the child: receive SIGINT on Ctrl-C. The terminal becomes the session's controlling
    terminal, and the inherited disposition may ignore the signal."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command in its own pseudo-terminal.

    welcome: output before the first prompt.
    echo: whether the terminal echoes typed text.
    columns: width; 0 is unknown."""

    def __init__(
        self,
        settings: Mapping[str, str],
        command: str = "bot",
        prompt: str = PROMPT,
        *,
        echo: bool = False,
        columns: int = 0,
    ) -> None:
        self._screen, inside = os.openpty()
        termios.tcsetwinsize(inside, (0, columns))
        if not echo:
            attributes = termios.tcgetattr(inside)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(inside, termios.TCSANOW, attributes)
        self.process = subprocess.Popen(
            [*PROGRAM, command],
            env=dict(settings),
            stdin=inside,
            stdout=inside,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=partial(_be_in_front, inside),
        )
        os.close(inside)
        self.welcome = self.read_until(prompt)

    def read_until(self, mark: str) -> str:
        """The output up to `mark`, without it."""
        shown = b""
        deadline = time.monotonic() + SECONDS
        while not shown.endswith(mark.encode()):
            ready, _, _ = select.select([self._screen], [], [], deadline - time.monotonic())
            assert ready, f"no {mark!r} after {shown.decode(errors='replace')!r}"
            shown += os.read(self._screen, 1)
        return shown.decode().replace("\r\n", "\n").removesuffix(mark)

    def type(self, text: str) -> None:
        """Send keystrokes."""
        os.write(self._screen, text.encode())

    def ask(self, line: str) -> str:
        """Type a line; return the output up to the next prompt."""
        self.type(line + "\n")
        return self.read_until("\n" + PROMPT)

    def press_ctrl_c(self) -> None:
        """Interrupt the program."""
        self.type("\x03")

    def ended(self) -> tuple[int, str]:
        """Wait for the program to exit; return its exit code and standard error."""
        _, errors = self.process.communicate(timeout=SECONDS)
        os.close(self._screen)
        return self.process.returncode, errors.decode()
