"""Text of others, fit for a terminal: names in a file, names of files, what a library says of them.

A terminal obeys characters that are not seen. ESC and its kin move its cursor, rewrite what stands
there and give it a title; others turn the order of a line around (Unicode, UAX #9).
"""

from __future__ import annotations

import re

# But for the tab and the line feed: C0, DEL, C1, the separators of lines and paragraphs, and the
# embeddings, overrides and isolates of bidirectional text. Surrogates cannot be written at all.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LINES = re.compile(r"[\t\n]")


def visible(text: str) -> str:
    """The text with its control characters spelled as JSON spells them, tabs and ends of lines
    apart; it can be JSON itself, and means the same then."""
    return _OBEYED.sub(_spelled, text)


def visible_line(text: str) -> str:
    """The same of what is to stay on one line."""
    return _LINES.sub(_spelled, visible(text))


def _spelled(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
