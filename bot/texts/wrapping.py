"""Word wrapping for terminals."""

from __future__ import annotations

import math
import os
from typing import TextIO


def columns_of(stream: TextIO) -> int | None:
    """The width of the stream's terminal in characters; None without a terminal or if unknown."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # not a terminal, not a file, or closed
        return None


def fitted(text: str, stream: TextIO, hang: int = 0) -> str:
    """A complete text, wrapped for a stream. Continuation lines are indented by `hang` spaces if
    the window is wide enough."""
    columns = columns_of(stream)
    indent = "" if columns is None or 3 * hang > columns else " " * hang
    return "\n".join(_fitted_line(line, columns, indent) for line in text.split("\n"))


def _fitted_line(line: str, columns: int | None, indent: str) -> str:
    wrapper = Wrapper(columns, indent)
    return wrapper.feed(line) + wrapper.end()


class Wrapper:
    """Wraps a line that arrives in pieces.

    columns: maximum line length; None is unlimited. A longer word stays whole.
    indent: start of continuation lines."""

    def __init__(self, columns: int | None, indent: str = "") -> None:
        self._columns = math.inf if columns is None else columns
        self._indent = indent
        self._used = -1  # no space before the first word
        self._word = ""

    def feed(self, piece: str) -> str:
        """The text that can be shown now; holds back a word that may continue."""
        *words, self._word = (self._word + piece).split(" ")
        return "".join(map(self._set, words))

    def end(self) -> str:
        """The last word."""
        word, self._word = self._word, ""
        return self._set(word)

    def _set(self, word: str) -> str:
        """A word with the separator before it."""
        if self._used > 0 and self._used + 1 + len(word) > self._columns:
            self._used = len(self._indent + word)
            return f"\n{self._indent}{word}"
        space = " " if self._used >= 0 else ""
        self._used += 1 + len(word)
        return space + word
