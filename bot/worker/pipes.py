"""The worker's end of the pipes: messages arrive on its standard input and leave on its output.

All other output of the process and its libraries goes to the error stream, which the bot logs.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from bot.executor.codec import decode, encode
from bot.executor.messages import Message
from bot.logs import place_of


class Pipes:
    """Takes over the standard streams of this process. Create it once, before anything else."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._sending = threading.Lock()  # keeps the lines of several threads apart
        sys.excepthook = _report
        threading.excepthook = lambda failure: _report(
            failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback
        )

    def send(self, message: Message) -> None:
        """Send the bot a message. Raises BrokenPipeError when the bot has ended."""
        with self._sending:
            self._out.write(encode(message))
            self._out.flush()

    def listen(self, receive: Callable[[Message | None], None]) -> None:
        """Start a thread that passes on every message, and None at the end of the input. A
        malformed message ends the process with code 1."""
        threading.Thread(target=_read, args=(receive,), daemon=True).start()


def _read(receive: Callable[[Message | None], None]) -> None:
    # A reader of its own: Python closes `sys.stdin` at exit, and aborts if a thread reads it then.
    messages = os.fdopen(os.dup(0), "rb")
    try:
        for line in messages:
            if line.endswith(b"\n"):  # otherwise the bot died in the middle of it
                receive(decode(line))
    except ValueError as error:
        _report(ValueError, error, error.__traceback__)
        os._exit(1)
    finally:
        receive(None)


def _report(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    """Print where an error was raised; its text may quote a phrase."""
    print(f"failed: {place_of(error)}", file=sys.stderr, flush=True)  # noqa: T201 (the bot logs it)
