"""The progress of an evaluation, on the error stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from training.report.evaluation import Progress


@contextmanager
def evaluation_bar(console: Console | None = None) -> Iterator[Progress]:
    """Show the finished share, the mean loss of the finished windows and the time left.

    A terminal gets a bar that disappears at the end, any other stream a line at the beginning and
    at every tenth.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("evaluating"), BarColumn(), TextColumn("{task.fields[words]}"))
    started = time.monotonic()
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, words="")

        def show(done: int, total: int, loss: float) -> None:
            words = _words(done, total, loss, time.monotonic() - started)
            bar.update(task, completed=done, total=total, words=words)

        yield show


class _Lines:
    """Progress in lines, for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started, self._tenths = time.monotonic(), -1

    def __call__(self, done: int, total: int, loss: float) -> None:
        if not done or self._tenths == (tenths := 10 * done // total):
            return
        self._tenths = tenths
        words = _words(done, total, loss, time.monotonic() - self._started)
        self._console.print(f"evaluating: {words}", highlight=False, soft_wrap=True)


def _words(done: int, total: int, loss: float, seconds: float) -> str:
    """The progress as a line; the time left assumes that all windows take the same time."""
    if not done:
        return "0.0 %"
    left = round(seconds * (total - done) / done)
    return f"{100 * done / total:.1f} % · loss {loss:.4f} so far · {left // 60}:{left % 60:02} left"
