"""Messages that show answers, as plain text with entities, and the answers that messages show.

There is no parse_mode: users' and models' texts are never markup. Entities count in UTF-16 code
units (https://core.telegram.org/bots/api#messageentity). The phrase is bold and notices are in
italics below, so the answer can be read back from the message.

Messages ping no user and contain no links. Telegram searches every text for @names, /commands,
#tags, $tags and addresses, even below other entities. An invisible word joiner (U+2060) after each
character that begins one prevents a match: by TDLib's rules (td/telegram/MessageEntity.cpp:
match_mentions, match_bot_commands, match_hashtags, match_cashtags, match_urls, match_tg_urls) it is
neither a letter nor a character of an address. `model.text.normalize.normalize` drops it from
phrases, so reading a message back can remove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telegram import MessageEntity

from bot.adapters.cutting import ELLIPSIS, cut_answer, cut_words
from bot.requests.endings import ENDINGS, Endings, as_line, fitted, of_line
from bot.requests.job import Answer, Preview
from bot.texts import say

LIMIT = 4096  # UTF-16 code units of a message
JOINER = "\u2060"
# Characters that may begin a name, a command, a tag or a scheme, or separate parts of a domain.
_LINKABLE = re.compile(r"[@/#$](?=\w)|(?<=\w):(?=//)|(?<=[\w~-])[.](?=[\w~-])")
_ENDINGS = re.compile("\n\n" + "\n".join(rf"{n}\. (.*)" for n in range(1, ENDINGS + 1)))


@dataclass(frozen=True)
class Rendered:
    """A text with its entities."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A PNG file."""

    data: bytes


@dataclass(frozen=True)
class Shown:
    """The answer that a message shows: its phrase and its whole text."""

    phrase: str
    text: str


def units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def guard(text: str) -> str:
    """The text with joiners, so that Telegram finds no link and no mention in it."""
    return _LINKABLE.sub(lambda mark: mark[0] + JOINER, text)


def unguard(text: str) -> str:
    """The text before `guard`."""
    return text.replace(JOINER, "")


def plain(text: str) -> Rendered:
    """A text without entities."""
    return Rendered(text)


def render_answer(answer: Answer, language: str) -> Rendered:
    """The finished answer, cut at a sentence if it exceeds the limit."""
    notices = list(answer.notices)
    phrase, continuation = guard(answer.phrase), guard(answer.phrase + answer.continuation)
    continuation = continuation[len(phrase) :]
    if units(_joined(phrase + continuation, notices)) > LIMIT:
        notices.append(say("cut", language))
        room = LIMIT - units(_joined(phrase, notices))
        continuation = cut_answer(phrase, continuation, lambda text: units(text) <= room)
    return _compose(phrase, continuation, notices)


def render_endings(endings: Endings, language: str) -> Rendered:
    """Endings on numbered lines, cut if they exceed the limit."""
    phrase, notices = guard(endings.phrase), list(endings.notices)

    def fits(continuations: Sequence[str]) -> bool:
        text = phrase + _numbered(continuations)
        return units(_joined(text, [*notices, say("cut", language)])) <= LIMIT

    kept, cut = fitted(endings.continuations, fits)
    if cut:
        notices.append(say("cut", language))
    return _compose(phrase, _numbered(kept), notices)


def render_shown(shown: Shown) -> Rendered:
    """An answer shown before, without notices."""
    phrase, text = guard(shown.phrase), guard(shown.text)
    return _compose(phrase, text[len(phrase) :], [])


def render_preview(draft: Preview) -> Rendered:
    """A preview: an unfinished answer, or a note on the wait."""
    if draft.note:
        return _compose("", "", [draft.note])
    phrase, text = guard(draft.phrase), guard(draft.phrase + draft.continuation)
    room = LIMIT - units(phrase + " " + ELLIPSIS)
    shown = cut_words(text[len(phrase) :], lambda text: units(text) <= room)
    return _compose(phrase, f"{shown} {ELLIPSIS}", [])


def read_back(text: str, entities: Sequence[MessageEntity]) -> Shown | None:
    """The answer that a message of `render_answer` shows; None for any other message."""
    encoded = text.encode("utf-16-le", "surrogatepass")

    def part(start: int, end: int) -> str:
        return encoded[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")

    bold = next((one for one in entities if one.type == MessageEntity.BOLD), None)
    if bold is None or bold.offset != 0:
        return None
    notices = [one.offset for one in entities if one.type == MessageEntity.ITALIC]
    whole = part(0, min(notices, default=len(encoded) // 2))
    phrase = part(0, bold.length)
    return Shown(unguard(phrase).strip(), unguard(whole).strip())


def read_endings(text: str, entities: Sequence[MessageEntity]) -> list[Shown]:
    """The endings that a message of `render_endings` shows, each as an answer; empty for any other
    message."""
    shown = read_back(text, entities)
    match = _ENDINGS.fullmatch(shown.text[len(shown.phrase) :]) if shown is not None else None
    if shown is None or match is None:
        return []
    return [Shown(shown.phrase, shown.phrase + of_line(line)) for line in match.groups()]


def _numbered(continuations: Iterable[str]) -> str:
    lines = (f"{n}. {guard(as_line(each))}" for n, each in enumerate(continuations, 1))
    return "\n\n" + "\n".join(lines)


def _joined(text: str, notices: Sequence[str]) -> str:
    return "\n\n".join(filter(None, (text, "\n".join(map(guard, notices)))))


def _compose(phrase: str, continuation: str, notices: Sequence[str]) -> Rendered:
    shown = phrase + continuation
    text = _joined(shown, notices)
    entities = []
    if phrase:
        entities.append(MessageEntity(MessageEntity.BOLD, 0, units(phrase)))
    if notices:
        length = units("\n".join(map(guard, notices)))
        entities.append(MessageEntity(MessageEntity.ITALIC, units(text) - length, length))
    return Rendered(text, tuple(entities))
