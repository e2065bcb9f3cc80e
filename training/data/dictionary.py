"""The words of a hunspell dictionary, all inflected forms written out.

Reads the features of Spanish dictionaries: UTF-8, one character a flag, suffixes, and flags of
suffixes on suffixes. Prefixes are ignored: their forms are rare, and would double the number of
words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.data.cleaning import CorpusError

# Flags of suffixes on suffixes end here: verb, plural of a noun made of it.
_DEPTH = 2
_WORD = re.compile(r"[^\W\d_]+")
_RULE_FIELDS = 5


@dataclass(frozen=True)
class _Suffix:
    """Where `condition` matches the end of a word, `removed` is taken off and `added` put on."""

    removed: str
    added: str
    condition: re.Pattern[str]
    flags: str

    def of(self, word: str) -> str | None:
        """The word with this suffix, None where it does not take it."""
        if not word.endswith(self.removed) or not self.condition.search(word):
            return None
        return word[: len(word) - len(self.removed)] + self.added


def dictionary_forms(path: Path) -> set[str]:
    """All forms, in lower case, of the dictionary `path`.aff and `path`.dic.

    Raises CorpusError for files that are missing or no such dictionary.
    """
    rules, entries = path.with_name(path.name + ".aff"), path.with_name(path.name + ".dic")
    try:
        suffixes = _suffixes(rules.read_text("utf-8"))
        lines = entries.read_text("utf-8").splitlines()[1:]  # the first one tells how many
    except FileNotFoundError as error:
        raise CorpusError(f"{error.filename}: no such file of a dictionary") from None
    except (re.error, ValueError) as error:
        raise CorpusError(f"{path}: not a hunspell dictionary in UTF-8 ({error})") from None
    forms: set[str] = set()
    for line in lines:
        word, _, flags = line.partition("/")
        forms.update(_forms(word.strip().lower(), flags.split("\t")[0].strip(), suffixes, _DEPTH))
    return {form for form in forms if _WORD.fullmatch(form)}


def _forms(word: str, flags: str, suffixes: dict[str, list[_Suffix]], depth: int) -> Iterator[str]:
    yield word
    if not depth:
        return
    for flag in flags:
        for suffix in suffixes.get(flag, ()):
            form = suffix.of(word)
            if form is not None:
                yield from _forms(form, suffix.flags, suffixes, depth - 1)


def _suffixes(rules: str) -> dict[str, list[_Suffix]]:
    """The suffixes of each flag."""
    suffixes: defaultdict[str, list[_Suffix]] = defaultdict(list)
    for line in rules.splitlines():
        fields = line.split()
        if fields[:1] != ["SFX"] or len(fields) < _RULE_FIELDS:
            continue  # the head of a flag's rules has four fields
        flag, removed, (added, _, more), condition = fields[1], *_parts(fields)
        suffixes[flag].append(_Suffix(removed, added, re.compile(condition + "$"), more))
    return suffixes


def _parts(fields: list[str]) -> tuple[str, tuple[str, str, str], str]:
    removed, added, condition = fields[2:5]
    head, slash, flags = added.partition("/")
    return removed.replace("0", ""), (head.replace("0", ""), slash, flags), condition
