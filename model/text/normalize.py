"""One spelling for every text: what people type and what books print, before it becomes tokens.

The corpus, the evaluation and the prompts all pass through `normalize`, so the decoder sees one
kind of quote, one dialogue dash, one ellipsis and one kind of space. The form is NFC.
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
# Looking up every character's category takes most of the time of building a corpus, so characters
# that are known to be visible are not looked up.
_UNUSUAL = re.compile(r"[^ -~¡«»¿À-ÿ—]")
# What is folded into what, in this order, once every character is a plain one.
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
    # Controls, zero-width and bidirectional marks, surrogates, private use, combining marks that
    # did not compose: nothing of them can be written.
    return "" if category[0] in "CM" else character


def normalize(text: str) -> str:
    """Return `text` in NFC with plain quotes, `—`, `...`, single spaces and no invisible marks."""
    text = unicodedata.normalize("NFC", text).translate(_SAME_TABLE)
    text = _UNUSUAL.sub(_visible, text)
    for pattern, plain in FOLDS:
        text = pattern.sub(plain, text)
    return text.strip()


def nearest(character: str) -> str:
    """The plain letters a rare character stands for (`ã` → `a`, `𝓐` → `A`), or the empty string."""
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(part for part in decomposed if unicodedata.category(part)[0] != "M")
