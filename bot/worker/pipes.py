"""A worker program's end of the pipes: messages come on its input, and its answers go out.

Whatever else the process and its libraries print goes to the error stream, which the bot puts into
its log.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from bot.executor.messages import Message, decode, encode
from bot.logs import place_of


class Pipes:
    """Take the standard streams of this process over; once, and first of all."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._speaking = threading.Lock()  # lines of several threads must not mix
        sys.excepthook = _tell
        threading.excepthook = lambda failure: _tell(
            failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback
        )

    def say(self, message: Message) -> None:
        """Tell the bot; raises BrokenPipeError when it is gone."""
        with self._speaking:
            self._out.write(encode(message))
            self._out.flush()

    def listen(self, hear: Callable[[Message | None], None]) -> None:
        """Have a thread hand over every message that comes, and None at the end of the input."""
        threading.Thread(target=_read, args=(hear,), daemon=True).start()


def _read(hear: Callable[[Message | None], None]) -> None:
    # A reader of its own: Python closes `sys.stdin` at its end, and aborts where a thread reads it.
    messages = os.fdopen(os.dup(0), "rb")
    try:
        for line in messages:
            hear(decode(line))
    except ValueError:  # half a line: the bot died while it wrote
        pass
    finally:
        hear(None)


def _tell(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    """Say in a line of the log what went wrong and where; its text may hold somebody's phrase."""
    print(f"failed: {place_of(error)}", file=sys.stderr)  # noqa: T201 (the bot reads it)
