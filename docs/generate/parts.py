"""The generated parts of the documentation, by file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.texts import ENGLISH, SPANISH
from docs.generate import commands, privacy, settings
from training.ladder.markdown import MarkError, filled

ROOT = Path(__file__).resolve().parents[2]

# By file, the name in the marks and the function that makes the content.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"settings": lambda: settings.table(SPANISH)},
    "README.en.md": {"settings": lambda: settings.table(ENGLISH)},
    "docs/settings.md": {"settings": lambda: settings.tables(ENGLISH)},
    "docs/ajustes.md": {"settings": lambda: settings.tables(SPANISH)},
    "docs/commands.md": {
        "chat commands": commands.commands,
        "options": commands.options,
        "labels": commands.labels,
    },
    "docs/privacy.md": {"privacy texts": privacy.quotations},
}
EXAMPLE = ".env.example"


def files() -> dict[str, str]:
    """The expected content of each file by its name. Raises MarkError for missing marks."""
    contents = {EXAMPLE: settings.example()}
    for name, parts in PARTS.items():
        text = (ROOT / name).read_text("utf-8")
        try:
            for part, make in parts.items():
                text = filled(text, part, make())
        except MarkError as error:
            raise MarkError(f"{name}: {error}") from None
        contents[name] = text
    return contents
