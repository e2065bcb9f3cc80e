"""Normalization of text before tokenization, for the corpus, the evaluation and prompts.

The decoder sees one kind of quote, one dialogue dash, one ellipsis and one kind of space, in NFC.
"""

import re
import unicodedata

SAME = {
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‘’‚‛′´`", "'"),
    **dict.fromkeys("–—―‒⸺⸻−﹘", "—"),
    **dict.fromkeys("‐‑﹣－", "-"),
    "‹": "«",
    "›": "»",
    "…": "...",
}
_SAME_TABLE = str.maketrans(SAME)
# Category lookups dominate the time of building a corpus, so common visible characters skip them.
_UNUSUAL = re.compile(r"[^ -~¡«»¿À-ÿ—]")
# Replacements, in this order, after every character was normalised.
FOLDS = (
    (re.compile("''"), '"'),
    (re.compile(r"(?:-{2,}|—)+"), "—"),
    (re.compile(r"\.{4,}|(?<!\.)\.\.(?!\.)"), "..."),
    (re.compile(r"\s+"), " "),
)


def _visible(match: re.Match[str]) -> str:
    """The character, a space for any kind of space or control that separates, or nothing."""
    character = match[0]
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\n\v\f\r\x85":
        return " "
    # Drop controls, zero-width and bidirectional marks, surrogates, private use, and combining
    # marks that did not compose.
    return "" if category[0] in "CM" else character


def normalize(text: str) -> str:
    """The text in NFC with plain quotes, `—`, `...`, single spaces and no invisible marks."""
    text = unicodedata.normalize("NFC", text).translate(_SAME_TABLE)
    text = _UNUSUAL.sub(_visible, text)
    for pattern, plain in FOLDS:
        text = pattern.sub(plain, text)
    return text.strip()


def nearest(character: str) -> str:
    """The plain letters for a rare character (`ã` → `a`, `𝓐` → `A`), or the empty string."""
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(part for part in decomposed if unicodedata.category(part)[0] != "M")
