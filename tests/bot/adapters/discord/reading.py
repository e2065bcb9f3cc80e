"""The rendered text of a message, by an independent reader of Discord's Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.fakes.discord.messages import Message

# Replaces escaped characters in the search for constructs, none of which contains it.
_LITERAL = "\ue000"
# https://docs.discord.com/developers/reference#message-formatting and what clients do besides.
CONSTRUCTS = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"\*|_|~~|\|\||`",
        r"^\s*(?:#{1,3} |-# |>|[-+] |\d+[.)] )",
        r"\w+://\S",
        r"(?i)discord(?:\.gg|(?:app)?\.com/invite)/\w",
        r"\[[^\]]*\]\(",
        r"<(?:@|#|:|a:|t:|/|id:|https?:|mailto:|tel:)",
        r"@(?:everyone|here)",
        r":\w+:",
    )
]


@dataclass(frozen=True)
class Seen:
    """The parts of an answer."""

    phrase: str
    continuation: str
    notices: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.phrase + self.continuation


def plain(markdown: str) -> str:
    """The rendered text of Markdown; fails if anything in it is formatted."""
    residue = re.sub(r"\\[^0-9A-Za-z\s]", _LITERAL, markdown)
    for construct in CONSTRUCTS:
        found = construct.search(residue)
        assert found is None, f"{found and found[0]!r} is formatted in {markdown!r}"
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", markdown)


def read(markdown: str) -> Seen:
    """The parts of an answer; fails if anything but the phrase is formatted."""
    first, *small = markdown.split("\n")
    bold = re.match(r"\*\*((?:\\.|[^\\])+?)\*\*(?!\*)", first)
    assert bold is not None, f"no phrase in {markdown!r}"
    assert all(line.startswith("-# ") for line in small), markdown
    # The continuation is not at the beginning of a line.
    continuation = plain("." + first[bold.end() :])[1:]
    return Seen(
        plain("." + bold[1])[1:], continuation, tuple(plain("." + line[3:])[1:] for line in small)
    )


def seen(message: Message) -> Seen:
    """The parts of an answer, from the message or its embed."""
    if message.embeds:
        (embed,) = message.embeds
        assert message.content == ""
        assert embed.keys() == {"type", "description"}
        assert not message.flags & 4, "the embed is suppressed"
        return read(embed["description"])
    return read(message.content)


def told(message: Message) -> str:
    """The text of an ephemeral notice."""
    assert message.ephemeral
    return plain(message.content)
