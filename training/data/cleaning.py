"""From the bytes of an edition to its prose: one line, normalised, nothing but the author's.

What editions add is cut or undone: licence header and footer, title pages, illustration and
footnote marks, `_italics_`, braces around interpolations, headings, hard line breaks.
"""

from __future__ import annotations

import codecs
import re

from model.errors import LitteraError
from model.text.normalize import normalize
from model.text.sentences import split_sentences
from training.data.works import Part, Work

_HEADER = re.compile(r"\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK.*?\*\*\*", re.S | re.I)
_FOOTER = re.compile(
    r"^(?:\*\*\* ?END OF TH(?:E|IS) PROJECT|End of (?:the )?Project Gutenberg)", re.M | re.I
)
_ILLUSTRATION = re.compile(r"\[(?:Illustration|Ilustraci[oó]n)[^\]]*\]", re.I)
_FOOTNOTE_BLOCK = re.compile(r"^\s*\[(?:\d+|[A-Z]|Nota[^\]]*)\]\s")
_FOOTNOTE_MARK = re.compile(r"\[(?:\d+|[A-Z])\]")
_BLANK_LINES = re.compile(r"\n\s*\n")
_ROMAN = re.compile(r"^[-—–. ]*[IVXLC]+[-—–. ]*$")
_CHAPTER = re.compile(r"^(?:Cap[íi]tulo|Tratado|Tomo|Libro|Parte)\b.{0,20}", re.I)
_SPEECH_OPEN = re.compile(r"(?:(?<=^)|(?<=[\s«»\"'(¡¿]))-(?=[^\W\d_]|[¡¿«\"(])")
_SPEECH_CLOSE = re.compile(r"(?<=[^\s\-])-(?=[\s.,;:!?)»]|$)")
_TAB_LINE = re.compile(r"\n[ \t]+(?=\n|$)")
_LONE_BREAK = re.compile(r"(?<!\n)\n(?!\n)")
# Breaks at italics that no space belongs to: beside one, before closing or behind opening marks.
_INNER_BREAK = re.compile(
    r"(?<=[^\S\n])\n(?!\n)|(?<=[(\[¡¿«“])\n(?!\n)|(?<!\n)\n(?=[ \t,;:.!?…»)\]”])"
)
_OPENING_DASH = re.compile(r"^([-—])\n(?!\n)", re.M)
# One novel was decoded with the wrong table (windows-1250 for 1252).
_CONSSA_QUOTES = str.maketrans("Ťť", "«»")
# What no printer set in a sentence of a novel: the scanner misread it.
_MISREAD = re.compile(r"[^ \w.,;:!?¡¿«»\"'()\[\]\-—ªº°]|[_½Åÿ]")
_SENTENCE_MARKS = '.!?…:;,»"—-)'
_LONGEST_TITLE = 90


class CorpusError(LitteraError):
    """A source text is missing, is not the work it should be, or cannot be used."""


def decode_bytes(raw: bytes) -> str:
    """Decode an edition: UTF-16 where its mark says so, UTF-8 (with or without mark) where it is
    valid, else Windows-1252."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def strip_licence(text: str) -> str:
    """Cut Project Gutenberg's header and footer where the edition has them."""
    if header := _HEADER.search(text):
        text = text[header.end() :]
    if footer := _FOOTER.search(text):
        text = text[: footer.start()]
    return text


def is_heading(block: str) -> bool:
    """Whether a block of lines is a chapter number or title and no prose."""
    line = " ".join(block.split())
    if _ROMAN.match(line) or not any(map(str.isalpha, line)):
        return True
    if len(line) <= _LONGEST_TITLE and line.upper() == line:
        return True
    chapter = _CHAPTER.match(line)
    if chapter and (line[0].isupper() and len(line) < 400):
        return True
    return len(line) <= _LONGEST_TITLE and line[-1] not in _SENTENCE_MARKS


def clean_block(block: str) -> str:
    """One paragraph of an edition as normalised prose."""
    text = _FOOTNOTE_MARK.sub("", _ILLUSTRATION.sub(" ", block))
    text = re.sub(r"[_{}*]", "", " ".join(text.split()))
    text = _SPEECH_CLOSE.sub("—", _SPEECH_OPEN.sub("—", text))
    return normalize(text)


def clean_prose(text: str) -> str:
    """Chain the paragraphs of `text`, headings and footnotes left out."""
    blocks = (_ILLUSTRATION.sub(" ", block) for block in _BLANK_LINES.split(text))
    kept = (
        clean_block(block)
        for block in blocks
        if block.strip() and not _FOOTNOTE_BLOCK.match(block) and not is_heading(block)
    )
    return " ".join(filter(None, kept))


def check_fingerprints(work: Work, text: str) -> None:
    """Raise CorpusError unless `text` is an edition of `work`."""
    folded = " ".join(text.split())
    for fingerprint in work.fingerprints:
        if fingerprint not in folded:
            raise CorpusError(
                f"this is not «{work.title}» (Project Gutenberg {work.number}): it does not hold "
                f"the words «{fingerprint}»"
            )


def extract_part(work: Work, part: Part, text: str) -> str:
    """The cleaned prose of one part of a work."""
    first = part.first.search(text)
    if first is None:
        raise CorpusError(f"«{work.title}»: the beginning of {part.name} was not found")
    last = part.last.search(text, first.end())
    body = text[first.start() : last.start() if last else len(text)]
    prose = clean_prose(body)
    if len(prose) < 50_000:
        raise CorpusError(f"«{work.title}»: {part.name} has only {len(prose)} characters")
    return prose


def clean_work(work: Work, raw: bytes) -> dict[str, str]:
    """Part name → prose for every part of a work, from the bytes of any edition of it."""
    text = strip_licence(decode_bytes(raw))
    check_fingerprints(work, text)
    return {part.name: extract_part(work, part, text) for part in work.parts}


def clean_conssa(raw: bytes) -> str:
    """The prose of a CoNSSA file, less the sentences that the scanner misread.

    Paragraphs are divided by a line that holds only a tab. A line break alone sets italics apart,
    right where they begin and end, or divides the paragraphs of a scanned novel.
    """
    text = _TAB_LINE.sub("\n\n", decode_bytes(raw).translate(_CONSSA_QUOTES))
    text = _OPENING_DASH.sub(r"\1", _INNER_BREAK.sub("", text))
    prose = clean_prose(_LONE_BREAK.sub(" ", text))
    return " ".join(s for s in split_sentences(prose) if not _MISREAD.search(s))
