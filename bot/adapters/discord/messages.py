"""Messages that show answers, and the answers that messages show.

The phrase is bold, its continuation follows, notices are small lines below. A text that exceeds a
message's limit goes into an embed, and one that exceeds an embed's is cut at a sentence. All text
is escaped and can be read back: buttons keep their options in their ids and their text in the
message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import discord

from bot.adapters.cutting import cut_answer
from bot.adapters.discord.markdown import bold, escape, small, unescape
from bot.adapters.discord.wire import Payload
from bot.requests.endings import ENDINGS, Endings, as_line, fitted, of_line
from bot.requests.job import Answer, Preview
from bot.texts import say

# https://docs.discord.com/developers/resources/message#create-message
CONTENT_LIMIT = 2000  # characters
EMBED_LIMIT = 4096  # characters of a description
NOBODY: Payload = {"parse": []}
_TEXT = r"(?:\\.|[^\\\n])*"
_SHOWN = re.compile(rf"\*\*((?:\\.|[^\\*\n])+)\*\*({_TEXT})")
_LINES = "".join(rf"\n\*\*{n}\.\*\* ({_TEXT})" for n in range(1, ENDINGS + 1))
_ENDINGS = re.compile(rf"\*\*((?:\\.|[^\\*\n])+)\*\*{_LINES}(?:\n-# .*)*")


@dataclass(frozen=True)
class Shown:
    """The answer that a message shows."""

    phrase: str
    continuation: str

    @property
    def text(self) -> str:
        """Phrase and continuation."""
        return self.phrase + self.continuation


def answer_message(answer: Answer, components: list[Payload], language: str) -> Payload:
    """The message that shows an answer."""
    content = _written(answer.phrase, answer.continuation, answer.notices)
    if len(content) > EMBED_LIMIT:
        notices = (*answer.notices, say("cut", language))
        content = _written(answer.phrase, _cut(answer, notices), notices)
    return _sized(content, components)


def endings_message(endings: Endings, components: list[Payload], language: str) -> Payload:
    """The message that shows endings on numbered lines, cut to the limit."""
    notices = [*endings.notices, say("cut", language)]

    def fits(continuations: Sequence[str]) -> bool:
        return len(_numbered(endings.phrase, continuations, notices)) <= EMBED_LIMIT

    kept, cut = fitted(endings.continuations, fits)
    return _sized(_numbered(endings.phrase, kept, notices if cut else endings.notices), components)


def text_message(shown: Shown, components: list[Payload]) -> Payload:
    """The message that shows an answer again."""
    return _sized(_written(shown.phrase, shown.continuation), components)


def preview_message(draft: Preview) -> Payload | None:
    """The message that shows a preview, None if it exceeds the limit."""
    if draft.note:
        return _message(small(draft.note))
    content = _written(draft.phrase, f"{draft.continuation} …")
    if len(content) <= CONTENT_LIMIT:
        return _message(content)
    return _message("", embeds=[_embed(content)]) if len(content) <= EMBED_LIMIT else None


def picture_message(components: list[Payload]) -> Payload:
    """A message without text, for a picture."""
    return _message("", components)


def notice_message(text: str) -> Payload:
    """A message in Markdown; users' text in it must be escaped already."""
    return _message(text[:CONTENT_LIMIT])


def shown_text(message: discord.Message) -> Shown | None:
    """The answer that a message of the bot shows, None if it shows none."""
    for content in _contents(message):
        if (match := _SHOWN.match(content)) is not None:
            return Shown(unescape(match[1]), unescape(match[2]))
    return None


def shown_endings(message: discord.Message) -> list[Shown]:
    """The endings that a message of the bot shows, each as an answer; empty if it shows none."""
    for content in _contents(message):
        if (match := _ENDINGS.fullmatch(content)) is not None:
            phrase, *lines = map(unescape, match.groups())
            return [Shown(phrase, of_line(line)) for line in lines]
    return []


def _contents(message: discord.Message) -> list[str]:
    return [message.content, *(embed.description or "" for embed in message.embeds)]


def _sized(content: str, components: list[Payload]) -> Payload:
    if len(content) <= CONTENT_LIMIT:
        # The text contains no links; should Discord find one, it must not show a preview.
        flags = discord.MessageFlags(suppress_embeds=True).value
        return _message(content, components, flags=flags)
    # Suppressing embeds would hide this one.
    return _message("", components, embeds=[_embed(content)])


def _message(
    content: str, components: Iterable[Payload] = (), embeds: Iterable[Payload] = (), flags: int = 0
) -> Payload:
    # All fields are present, since an edit keeps the ones that are not.
    return {
        "content": content,
        "embeds": list(embeds),
        "components": list(components),
        "allowed_mentions": NOBODY,
        "flags": flags,
    }


def _embed(content: str) -> Payload:
    return {"type": "rich", "description": content}


def _written(phrase: str, continuation: str, notices: Iterable[str] = ()) -> str:
    return "\n".join((bold(phrase) + escape(continuation), *map(small, notices)))


def _numbered(phrase: str, continuations: Sequence[str], notices: Iterable[str]) -> str:
    lines = (f"**{n}.** {escape(as_line(each))}" for n, each in enumerate(continuations, 1))
    return "\n".join((bold(phrase), *lines, *map(small, notices)))


def _cut(answer: Answer, notices: Iterable[str]) -> str:
    """The beginning of the continuation that fits into an embed."""

    def fits(continuation: str) -> bool:
        return len(_written(answer.phrase, continuation, notices)) <= EMBED_LIMIT

    return cut_answer(answer.phrase, answer.continuation, fits)
