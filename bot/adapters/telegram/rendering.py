"""An answer as a message: plain text with entities, and back again.

No parse_mode: what people and models write is never markup. Entities count in UTF-16 code units
(https://core.telegram.org/bots/api#messageentity). The phrase is bold, notices stand below in
italics, so the message itself says what is what and a button needs to know nothing more.

Nobody is pinged and nothing is linked. Telegram looks for @names, /commands, #tags, $tags and
addresses in every text a bot sends, and entities of ours over them do not stop that (bold and
links live together); only a text in which they cannot be found does. So an invisible word joiner
(U+2060) is set behind each mark that begins one: by TDLib's rules (td/telegram/MessageEntity.cpp:
match_mentions, match_bot_commands, match_hashtags, match_cashtags, match_urls, match_tg_urls) it
is neither a letter nor a character of an address. It is no part of any phrase, since
`model.text.normalize.normalize` drops it, and so it is taken out again when a message is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telegram import MessageEntity

from bot.requests.endings import ENDINGS, Endings, as_line, fitted, of_line
from bot.requests.job import Answer, Preview
from bot.texts import say
from model.text.sentences import split_sentences

LIMIT = 4096  # UTF-16 code units of a message
JOINER = "\u2060"
# Behind what may begin a name, a command, a tag or a scheme, and inside of what may be a domain.
_LINKABLE = re.compile(r"[@/#$](?=\w)|(?<=\w):(?=//)|(?<=[\w~-])[.](?=[\w~-])")
_ELLIPSIS = "..."
_ENDINGS = re.compile("\n\n" + "\n".join(rf"{n}\. (.*)" for n in range(1, ENDINGS + 1)))


@dataclass(frozen=True)
class Rendered:
    """A text to be sent and its entities."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A PNG file to be sent."""

    data: bytes


@dataclass(frozen=True)
class Shown:
    """What a message of ours shows: the phrase, and the whole text it begins."""

    phrase: str
    text: str


def units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def guard(text: str) -> str:
    """The text with nothing in it that Telegram would make a link or a ping of."""
    return _LINKABLE.sub(lambda mark: mark[0] + JOINER, text)


def unguard(text: str) -> str:
    """The text as it was before `guard`."""
    return text.replace(JOINER, "")


def plain(text: str) -> Rendered:
    """A text of our own."""
    return Rendered(text)


def render_answer(answer: Answer, language: str) -> Rendered:
    """The finished answer, shortened by whole sentences where a message cannot hold it."""
    notices = list(answer.notices)
    phrase, continuation = guard(answer.phrase), guard(answer.phrase + answer.continuation)
    continuation = continuation[len(phrase) :]
    if units(_joined(phrase + continuation, notices)) > LIMIT:
        notices.append(say("cut", language))
        room = LIMIT - units(_joined(phrase, notices))
        continuation = _shortened(phrase, continuation, room)
    return _compose(phrase, continuation, notices)


def render_endings(endings: Endings, language: str) -> Rendered:
    """Endings to choose from, each on a line with its number; shortened where a message cannot hold
    them."""
    phrase, notices = guard(endings.phrase), list(endings.notices)

    def fits(continuations: Sequence[str]) -> bool:
        text = phrase + _numbered(continuations)
        return units(_joined(text, [*notices, say("cut", language)])) <= LIMIT

    kept, cut = fitted(endings.continuations, fits)
    if cut:
        notices.append(say("cut", language))
    return _compose(phrase, _numbered(kept), notices)


def render_shown(shown: Shown) -> Rendered:
    """A text of ours that was shown before, alone."""
    phrase, text = guard(shown.phrase), guard(shown.text)
    return _compose(phrase, text[len(phrase) :], [])


def render_draft(draft: Preview) -> Rendered:
    """An unfinished answer, or a note on the wait."""
    if draft.note:
        return _compose("", "", [draft.note])
    phrase, text = guard(draft.phrase), guard(draft.phrase + draft.continuation)
    room = LIMIT - units(phrase + " " + _ELLIPSIS)
    return _compose(phrase, _fitting(text[len(phrase) :], room) + " " + _ELLIPSIS, [])


def read_back(text: str, entities: Sequence[MessageEntity]) -> Shown | None:
    """What a message that `render_answer` made shows; None for any other."""
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
    """What each ending of a message that `render_endings` made would be as an answer; none of any
    other message."""
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
        told = units("\n".join(map(guard, notices)))
        entities.append(MessageEntity(MessageEntity.ITALIC, units(text) - told, told))
    return Rendered(text, tuple(entities))


def _shortened(phrase: str, continuation: str, room: int) -> str:
    """As many whole sentences as fit into so many units, or else as many words."""
    sentences = split_sentences(phrase + continuation)
    while len(sentences) > 1:
        sentences.pop()
        kept = " ".join(sentences)
        if len(kept) <= len(phrase):
            break
        if units(kept[len(phrase) :]) <= room:
            return kept[len(phrase) :]
    return _fitting(continuation, room - units(_ELLIPSIS)) + _ELLIPSIS


def _fitting(text: str, room: int) -> str:
    """The beginning of a text that fits into so many units, cut between words if it must be."""
    if units(text) <= room:
        return text
    cut = text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, room)]
    fitting = cut.decode("utf-16-le", "ignore")
    return fitting.rpartition(" ")[0] or fitting
