"""Escaping of Discord's Markdown in users' and models' texts.

https://docs.discord.com/developers/reference#message-formatting
"""

from __future__ import annotations

import re

# Besides marks of formats, quotes and lists: `<` and `@` begin mentions, `:` begins an emoji, and
# links and invitations need `:` or `/` (discord.gg/... has no scheme). Marks that matter only at
# the beginning of a line stay elsewhere: prose is full of them.
_MARKS = re.compile(r"[\\*_~`|<>#\[\]@/]|:(?=\S)|^[+-]")
# A backslash before any other character stays.
_ESCAPED = re.compile(r"\\([^0-9A-Za-z\s])")


def escape(text: str) -> str:
    """Markdown that shows this line of text literally, at the beginning of a line or within one."""
    return _MARKS.sub(r"\\\g<0>", text)


def unescape(text: str) -> str:
    """The text before `escape`."""
    return _ESCAPED.sub(r"\1", text)


def bold(text: str) -> str:
    """Markdown of the text in bold."""
    return f"**{escape(text)}**"


def small(text: str) -> str:
    """Markdown of the text as a small line."""
    return f"-# {escape(text)}"
