"""Everything a reader is told. Code asks for a text by its key and fills in values.

Spanish has every text; English has those that people on the platforms see. What a person chose as
their language decides; anything but English is answered in Spanish, the language of the texts.
"""

from __future__ import annotations

import difflib
import shlex
import shutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bot.texts import english, operation, spanish, terminal
from model.errors import CodedError
from model.printable import escape_controls

SPANISH, ENGLISH = "es", "en"
QUOTED = 60  # characters

_SPANISH = spanish.TEXTS | terminal.TEXTS | operation.TEXTS
_TEXTS = {SPANISH: _SPANISH, ENGLISH: _SPANISH | english.TEXTS}


def language_of(code: str | None) -> str:
    """The language to answer in, from an IETF language tag such as `es-419` or `en-GB`."""
    return ENGLISH if (code or "").lower().startswith("en") else SPANISH


def say(key: str, language: str = SPANISH, **values: object) -> str:
    """The text called `key` with its values filled in, without what a terminal would obey;
    `program` is always among them."""
    return escape_controls(_TEXTS[language][key].format(**{"program": program()} | values))


def explain(error: CodedError, language: str = SPANISH) -> str:
    """What went wrong and what would be right, as one sentence."""
    values = dict(error.values)
    for name in ("value", "name"):
        if isinstance(typed := values.get(name), str):
            values[name] = shorten(typed)
    if error.code == "style":
        known = values["known"]
        if not known:
            return say("style_none", language)
        values["known"] = ", ".join(known) if isinstance(known, (list, tuple)) else known
    if language == ENGLISH:
        told = error.TEXTS[error.code].format(**values)
        return f"{told[0].upper()}{told[1:]}."
    return say(error.code, SPANISH, **values)


@cache
def program() -> str:
    """How this program was called, so that what a text proposes can be typed as it stands: most
    people do not have it on their PATH."""
    called, name = sys.argv[0], "litteragpt"
    if Path(called).name != name or called == shutil.which(name):
        return name
    return shlex.quote(called)


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """What somebody may have meant, to be put behind the name that does not exist, or nothing."""
    near = difflib.get_close_matches(typed, list(known), 1, cutoff=0.8)
    return say("did_you_mean", name=near[0]) if near else ""


def shorten(typed: str) -> str:
    """What somebody typed, fit to be quoted in a sentence: one line, and not an endless one."""
    line = " ".join(typed.split())
    return line if len(line) <= QUOTED else line[:QUOTED] + "..."


def notices(dropped: tuple[str, ...], truncated: int, language: str = SPANISH) -> list[str]:
    """What a reader should know about an answer besides its text."""
    told = []
    if dropped:
        shown = " ".join(dict.fromkeys(dropped))
        told.append(say("dropped", language, characters=shorten(shown)))
    if truncated:
        key = "truncated" if truncated == 1 else "truncated_many"
        told.append(say(key, language, count=truncated))
    return told


def author(style: str) -> str:
    """How the author is called whose name a model gives to a style."""
    return spanish.AUTHORS.get(style, style.replace("_", " ").title())


def number(value: float, decimals: int = 0, language: str = SPANISH) -> str:
    """A number as the language writes it, such as `4.875.776` and `1,0898` in Spanish."""
    written = f"{value:,.{decimals}f}"
    return written if language == ENGLISH else written.translate(str.maketrans(",.", ".,"))


def duration(seconds: float) -> str:
    """A span of time for people: `40 s`, `3 min 5 s`, `5 h 20 min`, `2 d 3 h`."""
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min {whole % 60} s" if whole % 60 else f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
