"""Round trips of texts through Discord's Markdown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.discord.localization import call_commands
from bot.adapters.discord.markdown import escape, unescape
from bot.adapters.discord.messages import (
    CONTENT_LIMIT,
    EMBED_LIMIT,
    answer_message,
    preview_message,
    shown_text,
)
from bot.requests.job import Answer, Preview
from bot.texts import ENGLISH, SPANISH, say
from model.engine.result import Result
from model.text.normalize import normalize
from tests.bot.adapters.discord.reading import plain, read

MARKS = st.text(alphabet="\\*_~`|<>#[]()@:/.!-+ ahtps¡«»—¿")
LINES = (MARKS | st.text()).map(normalize).filter(bool)
TROUBLE = [
    "@everyone @here <@123> <@&1> <#2> </escribe:3> <t:1> <id:home> <a:b:4>",
    "https://a.example/b discord.gg/abc discord.com/invite/abc http://[::1]/",
    "[aquí](https://a.example) ![a](b) :smile: ||oculto|| `código` ```bloque```",
    r"**a** *b* __c__ _d_ ~~e~~ \* \\* \@everyone a\\",
    "# título",
    "> cita",
    "- lista",
    "+ lista",
    "-# pequeño",
    "—¿«Quién»?— dijo; ¡nadie!... 3. No (creo) que -así- sea: así.",
]


def answer(phrase: str, continuation: str, *notices: str) -> Answer:
    """An answer with an arbitrary result."""
    text = phrase + continuation
    return Answer(phrase, continuation, notices, cast("Result", SimpleNamespace(text=text)))


def message_of(payload: dict[str, Any]) -> discord.Message:
    """The fields of a message that are read back."""
    embeds = [discord.Embed.from_dict(embed) for embed in payload["embeds"]]
    return cast("discord.Message", SimpleNamespace(content=payload["content"], embeds=embeds))


@given(st.text() | MARKS)
def test_escaping_is_reversible(text: str) -> None:
    assert unescape(escape(text)) == text


@given(LINES)
def test_escaped_text_never_formats_links_or_mentions(text: str) -> None:
    assert plain("." + escape(text)) == "." + text


@pytest.mark.parametrize("text", TROUBLE)
def test_known_marks_are_escaped(text: str) -> None:
    assert plain(escape(text)) == text


@given(LINES, LINES, st.booleans())
def test_answer_is_read_back_unchanged(phrase: str, rest: str, apart: bool) -> None:
    payload = answer_message(answer(phrase, " " * apart + rest, "Un aviso."), [], SPANISH)
    shown = shown_text(message_of(payload))
    assert shown is not None
    assert (shown.phrase, shown.continuation) == (phrase, " " * apart + rest)
    assert read(payload["content"]).text == shown.text
    assert payload["allowed_mentions"] == {"parse": []}


@given(MARKS | st.text())
def test_other_messages_are_not_read_as_answers(content: str) -> None:
    shown = shown_text(message_of({"content": content, "embeds": []}))
    assert shown is None or len(shown.text) < len(content)


SENTENCE = "Y era así, señor, " + "que no se sabe " * 20 + "nada de *nada*."


@pytest.mark.parametrize("count", range(1, 25))
def test_long_answers_use_an_embed_and_are_cut(count: int) -> None:
    text = " ".join([SENTENCE] * count)
    payload = answer_message(answer("Érase", f" {text}", "Un aviso."), [], SPANISH)
    if not payload["embeds"]:
        assert len(payload["content"]) <= CONTENT_LIMIT
        shown = read(payload["content"])
    else:
        assert payload["content"] == ""
        assert payload["flags"] == 0
        (embed,) = payload["embeds"]
        assert CONTENT_LIMIT - 100 < len(embed["description"]) <= EMBED_LIMIT
        shown = read(embed["description"])
    whole = shown.continuation == f" {text}"
    assert shown.notices == ("Un aviso.",) if whole else ("Un aviso.", say("cut"))
    assert text.startswith(shown.continuation[1:])
    assert shown.continuation.endswith("nada.") or shown.continuation.endswith("*nada*.")
    assert (count <= 12) == whole


def test_oversized_sentence_is_cut_between_words() -> None:
    payload = answer_message(answer("Érase", " una vez*" * 800), [], ENGLISH)
    (embed,) = payload["embeds"]
    shown = read(embed["description"])
    assert shown.continuation.endswith(" vez*...")
    assert EMBED_LIMIT - 50 < len(embed["description"]) <= EMBED_LIMIT


def test_longest_phrase_leaves_room_for_continuation() -> None:
    payload = answer_message(answer("*" * 400, " a" * 9000), [], SPANISH)
    assert len(read(payload["embeds"][0]["description"]).continuation) > 2000


def test_oversized_preview_is_dropped() -> None:
    assert preview_message(Preview("Érase", " una vez" * 600)) is None
    longer = preview_message(Preview("Érase", " una vez" * 300))
    assert longer is not None
    assert read(longer["embeds"][0]["description"]).continuation == " una vez" * 300 + " …"
    payload = preview_message(Preview("Érase", " una *vez*"))
    assert payload is not None
    assert read(payload["content"]).text == "Érase una *vez* …"


def test_commands_are_renamed_in_texts() -> None:
    assert call_commands("or use /cancelar.", ENGLISH) == "or use /cancel."
    assert call_commands("`/escribe phrase` a/escribe /escribes", ENGLISH) == (
        "`/write phrase` a/escribe /escribes"
    )
    assert call_commands("use /cancelar.", SPANISH) == "use /cancelar."
