"""Languages, and the formatting of values inside texts: numbers, durations, quotations, names."""

from __future__ import annotations

import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

from bot.texts import spanish

SPANISH, ENGLISH = "es", "en"
QUOTED = 60  # characters


def language_of(code: str | None) -> str:
    """The language for replies to a user with IETF language tag `code`, such as `es-419`.

    English for English tags, Spanish for all others."""
    return ENGLISH if (code or "").lower().startswith("en") else SPANISH


@cache
def program() -> str:
    """The command that started this process, so that commands in texts can be copied: most
    installations are not on PATH."""
    called, name = sys.argv[0], "litteragpt"
    if Path(called).name != name or called == shutil.which(name):
        return name
    return shlex.quote(called)


def shorten(typed: str) -> str:
    """User input for quotation: on one line, at most `QUOTED` characters."""
    line = " ".join(typed.split())
    return line if len(line) <= QUOTED else line[:QUOTED] + "..."


def author(style: str) -> str:
    """The author's full name for a style of the model."""
    return spanish.AUTHORS.get(style, style.replace("_", " ").title())


def number(value: float, decimals: int = 0, language: str = SPANISH) -> str:
    """A number with the separators of the language: `4.875.776` and `1,0898` in Spanish."""
    written = f"{value:,.{decimals}f}"
    return written if language == ENGLISH else written.translate(str.maketrans(",.", ".,"))


def duration(seconds: float) -> str:
    """A duration in at most two units: `40 s`, `3 min 5 s`, `5 h 20 min`, `2 d 3 h`."""
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min {whole % 60} s" if whole % 60 else f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
