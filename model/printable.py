"""Escaping untrusted text for terminals: file names, names in files, messages of libraries.

Control characters drive a terminal: ESC sequences move the cursor, rewrite output and set the
title; bidirectional controls reorder a line (Unicode, UAX #9).
"""

from __future__ import annotations

import re

# C0 except tab and line feed, DEL, C1, line and paragraph separators, bidirectional embeddings,
# overrides and isolates; and surrogates, which cannot be encoded.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LINES = re.compile(r"[\t\n]")


def escape_controls(text: str) -> str:
    """Replace control characters, except tabs and line feeds, by JSON escapes.

    JSON keeps its meaning.
    """
    return _CONTROLS.sub(_escape, text)


def escape_line(text: str) -> str:
    """The same, with tabs and line feeds escaped too."""
    return _LINES.sub(_escape, escape_controls(text))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
