"""The tokenizer: one token per character, and a few special tokens.

`START` opens a text without a style, a style token opens one by that author, and the separator
replaces the space between two sentences. A vocabulary without these marks, as in the published
LitteraGPT, uses a plain space instead. The vocabulary belongs to the checkpoint (`tokenizer.json`)
and never changes after training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from model.errors import CheckpointError
from model.files import read_json_object
from model.text.normalize import nearest, normalize
from model.text.sentences import split_sentences

START = 0
SEPARATOR = 1
FORMAT = "litteragpt-characters-1"
# Enough for all authors, and short enough for messages that list them.
MOST_STYLES, STYLE_LENGTH = 1000, 40


@dataclass(frozen=True)
class Representation:
    """A text in the characters of a vocabulary, and the characters that were dropped."""

    text: str
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Tokenizer:
    """Characters ↔ ids. Ids 0 and 1 are start and separator, then styles, then characters.

    Not `marked`: characters only; the space doubles as start and separator.
    """

    styles: tuple[str, ...]
    characters: str
    marked: bool = True

    def __post_init__(self) -> None:
        if self.styles and not self.marked:
            raise ValueError("a vocabulary without marks has no styles")

    @classmethod
    def from_texts(cls, texts: Iterable[str], styles: Iterable[str] = ()) -> Tokenizer:
        """The vocabulary of all characters in `texts` (already normalised), in code-point order."""
        seen = set[str]().union(*texts) | {" ", "."}
        return cls(tuple(styles), "".join(sorted(seen)))

    @property
    def size(self) -> int:
        """The number of ids."""
        return self._first + len(self.characters)

    @property
    def _first(self) -> int:
        """The id of the first character."""
        return 2 + len(self.styles) if self.marked else 0

    @cached_property
    def start(self) -> int:
        """The token that opens a text without a style."""
        return START if self.marked else self.character_ids[" "]

    @cached_property
    def separator(self) -> int:
        """The token between two sentences."""
        return SEPARATOR if self.marked else self.character_ids[" "]

    @cached_property
    def character_ids(self) -> dict[str, int]:
        """The id of every character."""
        return {character: self._first + index for index, character in enumerate(self.characters)}

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The text of each id: empty for start and styles, a space for the separator."""
        marks = ("", " ", *("" for _ in self.styles)) if self.marked else ()
        return (*marks, *self.characters)

    @property
    def markers(self) -> tuple[int, ...]:
        """The ids that open a text and never occur inside one."""
        return (START, *range(2, self._first)) if self.marked else ()

    def style_id(self, style: str | None) -> int:
        """The token that opens a text in `style`, `start` for None. Raises KeyError if unknown."""
        if style is None:
            return self.start
        try:
            return 2 + self.styles.index(style)
        except ValueError:
            raise KeyError(style) from None

    def represent(self, text: str) -> Representation:
        """Normalise `text`, and replace or drop characters outside the vocabulary."""
        kept: list[str] = []
        dropped: list[str] = []
        for character in normalize(text):
            if character in self.character_ids:
                kept.append(character)
                continue
            plain = nearest(character)
            if plain and all(part in self.character_ids for part in plain):
                kept.append(plain)
            else:
                dropped.append(character)
        # Dropping may leave double spaces; normalize() is idempotent.
        return Representation(normalize("".join(kept)), tuple(dropped))

    def encode(self, text: str) -> list[int]:
        """The ids of normalised `text`, with the separator for the space between two sentences.

        Raises KeyError for a character outside the vocabulary: call `represent` first.
        """
        ids: list[int] = []
        for sentence in split_sentences(text):
            if ids:
                ids.append(self.separator)
            ids.extend(map(self.character_ids.__getitem__, sentence))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        return "".join(map(self.pieces.__getitem__, ids))

    def to_json(self) -> dict[str, Any]:
        """The content of `tokenizer.json`."""
        return {
            "format": FORMAT,
            "normalization": "NFC",
            "start": START if self.marked else None,
            "separator": SEPARATOR if self.marked else None,
            "styles": list(self.styles),
            "characters": self.characters,
        }

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read `tokenizer.json`; raises CheckpointError for an invalid file."""
        content = read_json_object(path)
        if content.get("format") != FORMAT:
            raise CheckpointError(
                "content", file=str(path), problem=f"expected a vocabulary in format {FORMAT!r}"
            )
        styles, characters = content.get("styles"), content.get("characters")
        marked = content.get("separator") is not None
        if (
            not isinstance(characters, str)
            or not isinstance(styles, list)
            or not all(isinstance(style, str) for style in styles)
            or len(set(characters)) != len(characters)
            or len(set(styles)) != len(styles)
            or not {" ", "."} <= set(characters)
            or (styles and not marked)
        ):
            problem = (
                "'characters' and 'styles' must hold no repeats, characters ' ' and '.', and "
                "styles need a separator"
            )
            raise CheckpointError("content", file=str(path), problem=problem)
        if (
            len(styles) > MOST_STYLES
            or not all(style.isprintable() and 0 < len(style) <= STYLE_LENGTH for style in styles)
            or not characters.isprintable()
        ):
            problem = (
                f"there may be {MOST_STYLES} styles of {STYLE_LENGTH} characters, and no control "
                "characters anywhere"
            )
            raise CheckpointError("content", file=str(path), problem=problem)
        return cls(tuple(styles), characters, marked)
