"""Round trips of answers through messages, for arbitrary texts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from telegram import MessageEntity

from bot.adapters.telegram.rendering import (
    LIMIT,
    Rendered,
    guard,
    read_back,
    render_answer,
    render_preview,
    unguard,
    units,
)
from bot.requests.job import Answer, Preview
from bot.texts import SPANISH, say
from model.engine.result import Result
from model.text.normalize import normalize
from tests.fakes.telegram.entities import covered, detected, formatted

# Frequent special cases: marks that begin links, surrogate pairs, ends of sentences.
CHARACTERS = st.one_of(
    st.sampled_from("@/#$.:_- aZ9ñ«»¿?!,\n"), st.characters(codec="utf-8"), st.sampled_from("🌕𝒜👨")
)
TEXTS = st.text(CHARACTERS, max_size=300).map(normalize)
PHRASES = TEXTS.filter(bool)
LINKS = st.lists(
    st.sampled_from(
        [
            *("@ana_user", "/start@bot", "/ayuda", "#tag", "$USD", "https://a.es/x", "ejemplo.com"),
            *(
                "yo@ejemplo.com",
                "tg://resolve",
                "www.b.org/?q=1#f",
                "127.0.0.1",
                " ",
                ". ",
                "«",
                "a",
            ),
        ]
    ),
    min_size=1,
).map("".join)


def answer_of(phrase: str, continuation: str, notices: tuple[str, ...] = ()) -> Answer:
    result = Result(phrase, continuation, (), None, 1, "c3ef", 1, 0, ())
    return Answer(phrase, continuation, notices, result)


def api(content: Rendered) -> tuple[str, list[dict[str, object]]]:
    """The message as Telegram shows it; raises if Telegram would refuse it."""
    given = [entity.to_dict() for entity in content.entities]
    return formatted(content.text, given)


def entities(found: list[dict[str, object]]) -> list[MessageEntity]:
    return [
        MessageEntity(str(e["type"]), int(str(e["offset"])), int(str(e["length"]))) for e in found
    ]


@given(PHRASES, TEXTS, st.lists(PHRASES, max_size=2))
def test_answer_is_read_back_unchanged(phrase: str, continuation: str, notices: list[str]) -> None:
    text, found = api(render_answer(answer_of(phrase, continuation, tuple(notices)), SPANISH))
    shown = read_back(text, entities(found))
    assert shown is not None
    assert shown.phrase == phrase
    assert shown.text == (phrase + continuation).strip()
    bold = [entity for entity in found if entity["type"] == "bold"]
    assert [unguard(covered(text, entity)) for entity in bold] == [phrase]
    below = "".join(covered(text, entity) for entity in found if entity["type"] == "italic")
    assert unguard(below) == "\n".join(notices)


@given(PHRASES, st.one_of(TEXTS, LINKS), st.lists(LINKS.map(str.strip).filter(bool), max_size=1))
def test_guarded_text_has_no_links_or_pings(
    phrase: str, continuation: str, notices: list[str]
) -> None:
    text, found = api(render_answer(answer_of(phrase, continuation, tuple(notices)), SPANISH))
    assert {entity["type"] for entity in found} <= {"bold", "italic"}
    assert not re.search(r"@\w|(?<!\w)/\w|[#$]\w|\w\.\w|://", text)


@given(st.one_of(TEXTS, LINKS))
def test_guard_is_invisible_and_reversible(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(unguard(guard(text))) == guard(text)
    assert detected(guard(text)) == []
    assert normalize(guard(text)) == normalize(text)


@given(
    st.text(st.sampled_from("aé🌕@. "), min_size=1, max_size=400).map(normalize).filter(bool),
    st.lists(
        st.text(st.sampled_from("aé🌕@.,"), min_size=1, max_size=2500), min_size=1, max_size=5
    ),
)
def test_messages_fit_and_show_the_beginning(phrase: str, sentences: list[str]) -> None:
    continuation = " " + ". A".join(normalize(each) for each in sentences) + "."
    content = render_answer(answer_of(phrase, continuation), SPANISH)
    text, found = api(content)
    assert units(text) <= LIMIT
    shown = read_back(text, entities(found))
    assert shown is not None
    assert shown.phrase == phrase
    if shown.text != phrase + continuation:
        assert text.endswith(say("cut"))
        assert (phrase + continuation).startswith(shown.text.removesuffix("..."))


def test_oversized_text_is_cut_at_a_sentence() -> None:
    sentence = " Y llovía" + " mucho" * 250 + "."
    content = render_answer(answer_of("Era de noche.", sentence * 5), SPANISH)
    shown = read_back(content.text, content.entities)
    assert shown is not None
    assert shown.text == "Era de noche." + sentence * 2


def test_endless_sentence_is_cut_between_words() -> None:
    content = render_answer(answer_of("Era de noche", " y llovía mucho" * 1000), SPANISH)
    shown = read_back(content.text, content.entities)
    assert shown is not None
    assert re.fullmatch(r"Era de noche( y llovía mucho)+( y| y llovía)?\.\.\.", shown.text)
    assert units(content.text) > LIMIT - 100


@given(PHRASES, st.text(CHARACTERS, max_size=5000))
def test_previews_fit(phrase: str, continuation: str) -> None:
    text, _ = api(render_preview(Preview(phrase, continuation)))
    assert units(text) <= LIMIT
    assert unguard(text).startswith(phrase)


def test_wait_note_is_italic() -> None:
    content = render_preview(Preview(note=say("position_one")))
    assert [entity.type for entity in content.entities] == ["italic"]


@given(st.text(CHARACTERS), st.integers(0, 50), st.integers(1, 50))
def test_other_messages_are_not_read_as_answers(text: str, offset: int, length: int) -> None:
    assert read_back(text, []) is None
    assert read_back(text, [MessageEntity(MessageEntity.BOLD, offset + 1, length)]) is None
