"""Characters and ids, the separator, and what a vocabulary cannot write."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import CheckpointError
from model.sentences import split_sentences
from model.tokenizer import SEPARATOR, START, Tokenizer
from tests.conftest import TINY_TOKENIZER as TOKENIZER


def test_the_separator_stands_for_the_space_between_sentences() -> None:
    ids = TOKENIZER.encode("Hola, tú. Adiós.")
    assert ids.count(SEPARATOR) == 1
    assert ids.count(TOKENIZER.character_ids[" "]) == 1
    assert len(ids) == len("Hola, tú. Adiós.")
    assert TOKENIZER.decode(ids) == "Hola, tú. Adiós."


def test_start_and_styles_write_nothing() -> None:
    assert TOKENIZER.decode([START, TOKENIZER.style_id("galdos"), *TOKENIZER.encode("a")]) == "a"
    assert TOKENIZER.style_id(None) == START
    with pytest.raises(KeyError):
        TOKENIZER.style_id("nadie")


def test_what_cannot_be_written_is_replaced_or_reported() -> None:
    shown = TOKENIZER.represent("Ção 😀 日本 @everyone **hola**")
    assert shown.text == "Cao everyone hola"
    assert shown.dropped == ("😀", "日", "本", "@", "*", "*", "*", "*")


@given(st.text(st.characters()))
def test_any_text_is_representable_and_survives_the_round_trip(text: str) -> None:
    shown = TOKENIZER.represent(text)
    ids = TOKENIZER.encode(shown.text)
    assert TOKENIZER.decode(ids) == shown.text
    assert ids.count(SEPARATOR) == max(0, len(split_sentences(shown.text)) - 1)
    assert TOKENIZER.represent(shown.text) == type(shown)(shown.text, ())


def test_a_vocabulary_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(TOKENIZER.to_json()), "utf-8")
    assert Tokenizer.load(path) == TOKENIZER


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": "other"}',
        '{"format": "litteragpt-characters-1", "styles": [], "characters": "abc"}',
        '{"format": "litteragpt-characters-1", "styles": ["a", "a"], "characters": " ."}',
        '{"format": "litteragpt-characters-1", "styles": [], "characters": " .aa"}',
        '{"format": "litteragpt-characters-1", "styles": "x", "characters": 7}',
    ],
)
def test_a_foreign_vocabulary_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, "utf-8")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        Tokenizer.load(path)
