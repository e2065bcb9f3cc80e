"""A typed phrase: the text to display and the text for the decoder.

Displayed as typed, even if the vocabulary lacks a letter; the decoder reads it in normal case.
A hyphen or an ellipsis directly after the last letter is a completion mark: the decoder completes
the word (`En un lugar de la Man-`). Without one the last word is complete.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_MARK = re.compile(r"(?<=[^\W\d_])(?:[-‐‑]|…|\.\.\.)$")
_ELLIPSIS = ("…", "...")
# An ellipsis stays if one of these follows: the word was complete.
_BEHIND_AN_ELLIPSIS = " ,;:"
_WORD = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"[IVXLCDM]+")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s)[^\w]*$")
# Words in capitals from this length on are shouted, shorter ones are abbreviations.
_SHOUTED = 4
# More combining marks on a letter would overflow into the surrounding text.
_MOST_MARKS = 2
_JOINER = "\u200d"


@dataclass(frozen=True)
class Phrase:
    """A phrase without its completion mark."""

    text: str  # as typed, on one line, without invisible characters
    mark: str  # the completion mark, or ""

    @classmethod
    def of(cls, typed: str) -> Phrase:
        """Parse typed text."""
        text = _on_one_line(typed)
        found = _MARK.search(text)
        return cls(text, "") if found is None else cls(text[: found.start()], found[0])

    def shown(self, continuation: str) -> str:
        """The phrase to display before a continuation or the beginning of one.

        Without the completion mark, unless it is an ellipsis and the word was complete.
        """
        if self.mark in _ELLIPSIS and (continuation[:1] or " ") in _BEHIND_AN_ELLIPSIS:
            return self.text + self.mark
        return self.text

    @property
    def in_normal_case(self) -> str:
        """The text capitalised as in the novels."""
        letters = [each for each in self.text if each.isalpha()]
        shouted = len(letters) > 1 and not any(map(str.islower, letters))

        def recased(found: re.Match[str]) -> str:
            word = found[0]
            starts = _SENTENCE_START.search(self.text, 0, found.start()) is not None
            if shouted or _is_odd(word):
                word = word.lower()
            return word[0].upper() + word[1:] if starts else word

        return _WORD.sub(recased, self.text)


def _is_odd(word: str) -> bool:
    """Whether a word has capitals where none belong: `hAMBRE`, `HoLa`, `NUNCA`; not `XVIII`."""
    if word.isupper():
        return len(word) >= _SHOUTED and _ROMAN.fullmatch(word) is None
    return any(map(str.isupper, word[1:]))


def _on_one_line(typed: str) -> str:
    kept, marks = list[str](), 0
    for character in unicodedata.normalize("NFC", typed):
        category = unicodedata.category(character)
        marks = marks + 1 if category == "Mn" else 0
        if category[0] == "Z" or character in "\t\n\v\f\r\x85":
            kept.append(" ")
        elif marks <= _MOST_MARKS and (category[0] != "C" or _joins(character, kept)):
            kept.append(character)
    return " ".join("".join(kept).split())


def _joins(character: str, before: list[str]) -> bool:
    """Whether the character joins two emoji into one, as in a family."""
    return character == _JOINER and bool(before) and unicodedata.category(before[-1]) in "So Sk Mn"
