"""Looks up user-facing texts by key and fills in their values.

Spanish has every text. English has those that Discord, Telegram and the web page show; the user's
language selects between them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bot.texts import english, operation, spanish, terminal
from bot.texts.formatting import ENGLISH, SPANISH, program, shorten
from model.errors import CodedError
from model.printable import escape_controls

_SPANISH = spanish.TEXTS | terminal.TEXTS | operation.TEXTS
_TEXTS = {SPANISH: _SPANISH, ENGLISH: _SPANISH | english.TEXTS}


def say(key: str, language: str = SPANISH, **values: object) -> str:
    """The text `key` with `values` filled in and terminal control characters made visible.

    `{program}` is always available."""
    return escape_controls(_TEXTS[language][key].format(**{"program": program()} | values))


def explain(error: CodedError, language: str = SPANISH) -> str:
    """One sentence with the cause of an error and its remedy."""
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
        sentence = error.TEXTS[error.code].format(**values)
        return f"{sentence[0].upper()}{sentence[1:]}."
    return say(error.code, SPANISH, **values)


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """A suggestion to append to a report of the unknown name `typed`; empty without a near one."""
    near = difflib.get_close_matches(typed, list(known), 1, cutoff=0.8)
    return say("did_you_mean", name=near[0]) if near else ""


def notices(dropped: tuple[str, ...], truncated: int, language: str = SPANISH) -> list[str]:
    """Notices that accompany an answer.

    dropped: characters of the phrase that the model does not know.
    truncated: number of sentences cut at the limit."""
    lines = []
    if dropped:
        shown = " ".join(dict.fromkeys(dropped))
        lines.append(say("dropped", language, characters=shorten(shown)))
    if truncated:
        key = "truncated" if truncated == 1 else "truncated_many"
        lines.append(say(key, language, count=truncated))
    return lines
