"""An answer as a message, and the text of a message again.

The phrase is bold, its continuation follows, notices come below in small lines. What does not fit
into a message goes into an embed, and what does not fit there is cut at a sentence. Everything is
escaped, so that the text can be read back as it was: buttons keep their options in their ids and
their text in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import discord

from bot.adapters.discord.markdown import bold, escape, small, unescape
from bot.adapters.discord.wire import Payload
from bot.requests.endings import ENDINGS, Endings, as_line, fitted, of_line
from bot.requests.job import Answer, Preview
from bot.texts import say
from model.text.sentences import split_sentences

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
    """The text that a message of ours shows."""

    phrase: str
    continuation: str

    @property
    def text(self) -> str:
        """Phrase and continuation."""
        return self.phrase + self.continuation


def answer_message(answer: Answer, components: list[Payload], language: str) -> Payload:
    """The message that shows an answer, of one size or another."""
    content = _written(answer.phrase, answer.continuation, answer.notices)
    if len(content) > EMBED_LIMIT:
        notices = (*answer.notices, say("cut", language))
        content = _written(answer.phrase, _cut(answer, notices), notices)
    return _sized(content, components)


def endings_message(endings: Endings, components: list[Payload], language: str) -> Payload:
    """The message that shows endings, each on a line with its number, cut where they do not fit."""
    notices = [*endings.notices, say("cut", language)]

    def fits(continuations: Sequence[str]) -> bool:
        return len(_numbered(endings.phrase, continuations, notices)) <= EMBED_LIMIT

    kept, cut = fitted(endings.continuations, fits)
    return _sized(_numbered(endings.phrase, kept, notices if cut else endings.notices), components)


def text_message(shown: Shown, components: list[Payload]) -> Payload:
    """The message that shows a text which another one has shown."""
    return _sized(_written(shown.phrase, shown.continuation), components)


def draft_message(draft: Preview) -> Payload | None:
    """The message that shows an unfinished answer, None when there is no room for it."""
    if draft.note:
        return _message(small(draft.note))
    content = _written(draft.phrase, f"{draft.continuation} …")
    if len(content) <= CONTENT_LIMIT:
        return _message(content)
    return _message("", embeds=[_embed(content)]) if len(content) <= EMBED_LIMIT else None


def picture_message(components: list[Payload]) -> Payload:
    """The message that shows nothing but the picture that goes with it."""
    return _message("", components)


def notice_message(text: str) -> Payload:
    """A message in words of ours; what others have typed must be escaped already."""
    return _message(text[:CONTENT_LIMIT])


def shown_text(message: discord.Message) -> Shown | None:
    """What a message of ours shows, None when it is no answer."""
    for content in _contents(message):
        if (match := _SHOWN.match(content)) is not None:
            return Shown(unescape(match[1]), unescape(match[2]))
    return None


def shown_endings(message: discord.Message) -> list[Shown]:
    """What each ending that a message of ours shows would be as an answer; none where it shows
    none."""
    for content in _contents(message):
        if (match := _ENDINGS.fullmatch(content)) is not None:
            phrase, *lines = map(unescape, match.groups())
            return [Shown(phrase, of_line(line)) for line in lines]
    return []


def _contents(message: discord.Message) -> list[str]:
    return [message.content, *(embed.description or "" for embed in message.embeds)]


def _sized(content: str, components: list[Payload]) -> Payload:
    if len(content) <= CONTENT_LIMIT:
        # Nothing in it is a link; should Discord find one all the same, it shows no preview.
        flags = discord.MessageFlags(suppress_embeds=True).value
        return _message(content, components, flags=flags)
    # Suppressing embeds would hide this one.
    return _message("", components, embeds=[_embed(content)])


def _message(
    content: str, components: Iterable[Payload] = (), embeds: Iterable[Payload] = (), flags: int = 0
) -> Payload:
    # Every part is given, since an edit keeps those that are not.
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
    """As much of the continuation as fits into an embed: whole sentences, or else whole words."""

    def fits(continuation: str) -> bool:
        return len(_written(answer.phrase, continuation, notices)) <= EMBED_LIMIT

    sentences = split_sentences(answer.phrase + answer.continuation)
    while sentences:
        sentences.pop()
        kept = " ".join(sentences)[len(answer.phrase) :]
        if kept and fits(kept):
            return kept
    kept = answer.continuation[:EMBED_LIMIT]
    while not fits(kept + "..."):
        kept = kept.rpartition(" ")[0] or kept[:-1]
    return kept + "..."
