"""Early ends of a run: Ctrl-C, SIGTERM, a time limit, a full disk."""

from __future__ import annotations

import contextlib
import errno
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from safetensors import SafetensorError

from training.run.state import TrainingError

_FULL = ("No space left", "StorageFull", "quota", "QuotaExceeded", "File too large", "FileTooLarge")


@dataclass
class StopRequest:
    """Looked at between steps. Set by Ctrl-C, or when `budget` seconds are over, if there are any.

    A second Ctrl-C interrupts at once.
    """

    budget: float | None = None
    asked: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float | None:
        """Seconds left, None without a limit."""
        return None if self.budget is None else self.budget - (time.monotonic() - self.began)

    @property
    def due(self) -> bool:
        """Whether to stop now."""
        return self.asked or (self.left is not None and self.left <= 0)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into a request while the block runs."""

        def ask(number: int, frame: FrameType | None) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True

        previous = {
            number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Say plainly that no more can be written; the last saved state is whole (see model.files)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise TrainingError(_no_space(out)) from None
        raise
    except SafetensorError as error:
        # It wraps the operating system's error and keeps only its words.
        if any(words in str(error) for words in _FULL):
            raise TrainingError(_no_space(out)) from None
        raise TrainingError(f"{out}: cannot be written ({error})") from None


def _no_space(out: Path) -> str:
    return f"{out}: no space left on the disk; free some and go on with --resume"
