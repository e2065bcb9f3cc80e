"""Text in a terminal's window: lines end between words, not wherever the window ends."""

from __future__ import annotations

import math
import os
from typing import TextIO


def columns_of(stream: TextIO) -> int | None:
    """How many characters wide the terminal is that a stream writes to; None when it writes to
    none, or to one that does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal; a stream that is no file, or is closed
        return None


def fitted(text: str, stream: TextIO, hang: int = 0) -> str:
    """A whole text as it is to be written to a stream. Where a line goes on it is set in by `hang`
    spaces, if the window has room for that."""
    columns = columns_of(stream)
    indent = "" if columns is None or 3 * hang > columns else " " * hang
    return "\n".join(_fitted_line(line, columns, indent) for line in text.split("\n"))


def _fitted_line(line: str, columns: int | None, indent: str) -> str:
    wrapper = Wrapper(columns, indent)
    return wrapper.feed(line) + wrapper.end()


class Wrapper:
    """Breaks a line that comes in pieces into lines of at most so many `columns`, or of any length;
    those behind the first begin with `indent`. A word that is longer than that stays whole."""

    def __init__(self, columns: int | None, indent: str = "") -> None:
        self._columns = math.inf if columns is None else columns
        self._indent = indent
        self._used = -1  # as though a space ended before the line
        self._word = ""

    def feed(self, piece: str) -> str:
        """What is to be shown now; a word that may go on is held back."""
        *words, self._word = (self._word + piece).split(" ")
        return "".join(map(self._set, words))

    def end(self) -> str:
        """The last word."""
        word, self._word = self._word, ""
        return self._set(word)

    def _set(self, word: str) -> str:
        """A word and what parts it from the one before."""
        if self._used > 0 and self._used + 1 + len(word) > self._columns:
            self._used = len(self._indent + word)
            return f"\n{self._indent}{word}"
        space = " " if self._used >= 0 else ""
        self._used += 1 + len(word)
        return space + word
