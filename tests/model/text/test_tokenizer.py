"""Characters and ids, the separator, and characters outside the vocabulary."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import CheckpointError
from model.text.sentences import split_sentences
from model.text.tokenizer import SEPARATOR, START, Tokenizer
from tests.conftest import TINY_TOKENIZER as TOKENIZER

UNMARKED = Tokenizer((), TOKENIZER.characters, marked=False)


def test_separator_replaces_space_between_sentences() -> None:
    ids = TOKENIZER.encode("Hola, tú. Adiós.")
    assert ids.count(SEPARATOR) == 1
    assert ids.count(TOKENIZER.character_ids[" "]) == 1
    assert len(ids) == len("Hola, tú. Adiós.")
    assert TOKENIZER.decode(ids) == "Hola, tú. Adiós."


def test_start_and_styles_decode_to_nothing() -> None:
    assert TOKENIZER.decode([START, TOKENIZER.style_id("galdos"), *TOKENIZER.encode("a")]) == "a"
    assert TOKENIZER.style_id(None) == START
    with pytest.raises(KeyError):
        TOKENIZER.style_id("nadie")


def test_unknown_characters_are_replaced_or_reported() -> None:
    shown = TOKENIZER.represent("Ção 😀 日本 @everyone **hola**")
    assert shown.text == "Cao everyone hola"
    assert shown.dropped == ("😀", "日", "本", "@", "*", "*", "*", "*")


@given(st.text(st.characters()))
def test_represented_text_survives_round_trip(text: str) -> None:
    shown = TOKENIZER.represent(text)
    ids = TOKENIZER.encode(shown.text)
    assert TOKENIZER.decode(ids) == shown.text
    assert ids.count(SEPARATOR) == max(0, len(split_sentences(shown.text)) - 1)
    assert TOKENIZER.represent(shown.text) == type(shown)(shown.text, ())


@given(st.text(st.characters()))
def test_unmarked_ids_are_character_indices(text: str) -> None:
    shown = UNMARKED.represent(text).text
    assert UNMARKED.encode(shown) == [UNMARKED.characters.index(each) for each in shown]
    assert UNMARKED.decode(UNMARKED.encode(shown)) == shown


def test_unmarked_space_is_start_and_separator() -> None:
    space = UNMARKED.encode("a b")[1]
    assert UNMARKED.start == UNMARKED.separator == UNMARKED.style_id(None) == space
    assert UNMARKED.size == len(UNMARKED.characters)
    assert UNMARKED.markers == ()
    with pytest.raises(ValueError, match="styles"):
        Tokenizer(("galdos",), " .", marked=False)


@pytest.mark.parametrize("tokenizer", [TOKENIZER, UNMARKED], ids=["marked", "unmarked"])
def test_vocabulary_survives_save_and_load(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer.to_json()), "utf-8")
    assert Tokenizer.load(path) == tokenizer


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
        '{"format": "litteragpt-characters-1", "styles": ["a"], "separator": null,'
        ' "characters": " ."}',
    ],
)
def test_foreign_vocabulary_is_refused_by_file_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, "utf-8")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        Tokenizer.load(path)
