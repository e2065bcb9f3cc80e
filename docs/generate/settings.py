"""The settings as tables and as `.env.example`, from the class and from what each of them means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from bot.settings.env_file import environment_names
from bot.settings.fields import AutoOr, OneOf
from bot.settings.settings import Settings
from bot.texts import ENGLISH, SPANISH
from bot.texts.settings import SECTIONS, Meaning, Section
from training.ladder.markdown import header, row

_WIDTH = 100
_NONE = "—"
_HEADS = {
    SPANISH: ("ajuste", "qué es", "por omisión", "valores"),
    ENGLISH: ("setting", "what it is", "default", "values"),
}
_PREFACE = (
    "Copie este archivo como .env y cambie lo que necesite. Lo que no se indique toma el valor "
    "mostrado."
)


def table(language: str, sections: tuple[Section, ...] = SECTIONS) -> str:
    """A table of the settings of these sections, in Markdown."""
    heads = _HEADS[language]
    names = environment_names()
    lines = [*header(heads)]
    for section in sections:
        for name, meaning in section.settings.items():
            field = Settings.model_fields[name]
            told = meaning.spanish if language == SPANISH else meaning.english
            default = written(field)
            cells = (f"`{names[name]}`", told, f"`{default}`" if default else _NONE, _values(field))
            lines.append(row(cells))
    return "\n".join(lines) + "\n"


def tables(language: str) -> str:
    """A table below a heading for each section, in Markdown."""
    parts = []
    for section in SECTIONS:
        title = section.spanish if language == SPANISH else section.english
        parts.append(f"## {title}\n\n{table(language, (section,))}")
    return "\n".join(parts)


def example() -> str:
    """The whole of `.env.example`."""
    names = environment_names()
    lines = [*_comment(_PREFACE)]
    for section in SECTIONS:
        lines += ["", f"# --- {section.spanish} ".ljust(_WIDTH, "-")]
        for name, meaning in section.settings.items():
            field = Settings.model_fields[name]
            lines += ["", *_comment(_with_range(meaning, field))]
            default = written(field)
            lines.append(f"{'' if default else '# '}{names[name]}={default or meaning.example}")
    return "\n".join(lines) + "\n"


def written(field: FieldInfo) -> str:
    """A default as it would be written in `.env`; nothing where it is nothing or depends on the
    machine."""
    default = field.default
    if field.default_factory is not None or default in (None, frozenset(), ()):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return _plain(default)


def _values(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true`, `false`"
    for each in field.metadata:
        if isinstance(each, OneOf):
            return ", ".join(f"`{word}`" for word in each.allowed)
        if isinstance(each, AutoOr):
            return f"`auto`, {each.least}–{each.most}"
    low, high = _range(field)
    if high is not None:
        return f"{low}–{high}"
    return _NONE if low is None else f"≥ {low}"


def _range(field: FieldInfo) -> tuple[str | None, str | None]:
    low = next((_plain(each.ge) for each in field.metadata if isinstance(each, Ge)), None)
    high = next((_plain(each.le) for each in field.metadata if isinstance(each, Le)), None)
    return low, high


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _with_range(meaning: Meaning, field: FieldInfo) -> str:
    low, high = _range(field)
    told = meaning.spanish
    return told if low is None or high is None else f"{told} De {low} a {high}."


def _comment(text: str) -> Iterator[str]:
    # A value that is not to be broken has no spaces and may have hyphens.
    for line in textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False, break_long_words=False):
        yield f"# {line}"
