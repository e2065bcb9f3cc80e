"""The prose of the operator's own text files, in any common encoding, line end and edition.

Files that are not text (a PDF, a picture, UTF-16 without a byte-order mark) are refused by name.
"""

from __future__ import annotations

import re
from pathlib import Path

from training.data.cleaning import CorpusError, clean_prose, decode_bytes, strip_licence

# Formats that are often mistaken for text, by their first bytes.
_OTHER_FILES = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a Word, LibreOffice or e-book file",
    b"\xd0\xcf\x11\xe0": "a Word file",
    b"{\\rtf": "an RTF file",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
_NO_TEXT = re.compile("[\x01-\x08\x0e-\x1f\x7f\ufffd]")
_MOST_OF_NO_TEXT = 0.001
_HYPHENATED = re.compile(r"([^\W\d_]+)[-‐\u00ad]\n[ \t]*([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+")
_BEFORE_LONE_BREAK = re.compile(r"(\S)[ \t]*\n(?=[ \t]*\S)")
_SENTENCE_ENDS = '.!?…»”"'


def read_prose(path: Path) -> str:
    """The prose of a text file in one line, normalised; empty if it has none.

    Drops licence, headings and notes as in the editions of the five works. Raises CorpusError for a
    file that is not text, OSError for one that cannot be read.
    """
    text = strip_licence(_decoded(path)).replace("\f", "\n")
    return clean_prose(_paragraphs_apart(_words_joined(text)))


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    for beginning, kind in _OTHER_FILES.items():
        if raw[: len(beginning)].lower() == beginning.lower():
            raise CorpusError(f"{path}: this is {kind}; save it as plain text (.txt) first")
    text = decode_bytes(raw)
    if not text.strip():
        raise CorpusError(f"{path}: the file is empty")
    if "\0" in text:
        raise CorpusError(f"{path}: this is no plain text; if it should be, save it as UTF-8")
    if len(_NO_TEXT.findall(text)) > _MOST_OF_NO_TEXT * len(text):
        raise CorpusError(f"{path}: too much in it is no text; save it as plain text in UTF-8")
    return text


def _words_joined(text: str) -> str:
    """Undo the hyphens that divide words at line ends.

    The halves stay apart where both are words of this text and the joined form is not: there the
    hyphen is a dash («dijo Juan-» and «y se fue») or part of the spelling.
    """
    known = set(_WORD.findall(_HYPHENATED.sub(" ", text).lower()))

    def joined(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        whole = (first + second).lower()
        if second[0].isupper() or (
            whole not in known and first.lower() in known and second.lower() in known
        ):
            return match[0]
        return first + second

    return _HYPHENATED.sub(joined, text)


def _paragraphs_apart(text: str) -> str:
    """Divide paragraphs by blank lines where the file has one in every line.

    Lines that were broken to fit a page seldom end with a sentence; paragraphs mostly do.
    """
    ends = _BEFORE_LONE_BREAK.findall(text)
    if 2 * sum(end in _SENTENCE_ENDS for end in ends) > len(ends):
        return text.replace("\n", "\n\n")
    return text
