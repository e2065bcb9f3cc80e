"""Discord's Markdown, kept from seeing anything in texts that are not ours.

https://docs.discord.com/developers/reference#message-formatting
"""

from __future__ import annotations

import re

# Besides what formats, quotes or lists: `<` and `@` begin mentions, `:` names emoji, and without
# `:` and `/` there is neither a link nor an invitation (discord.gg/... needs no scheme). What means
# something at the beginning of a line only stays as it is elsewhere: prose is full of it.
_MARKS = re.compile(r"[\\*_~`|<>#\[\]@/]|:(?=\S)|^[+-]")
# A backslash before anything else stays a backslash.
_ESCAPED = re.compile(r"\\([^0-9A-Za-z\s])")


def escape(text: str) -> str:
    """A line of text that is shown as it is, at the beginning of a message or within a line."""
    return _MARKS.sub(r"\\\g<0>", text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _ESCAPED.sub(r"\1", text)


def bold(text: str) -> str:
    """The text as it is, in bold."""
    return f"**{escape(text)}**"


def small(text: str) -> str:
    """The text as it is, as a small line of its own."""
    return f"-# {escape(text)}"
