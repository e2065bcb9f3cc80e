"""The catalogue: both languages, coded errors, and formatted values."""

from __future__ import annotations

import string

import pytest

from bot.cluster.ray.options import ClusterError
from bot.texts import ENGLISH, SPANISH, explain, language_of, say
from bot.texts.catalogue import notices
from bot.texts.english import TEXTS as ENGLISH_TEXTS
from bot.texts.formatting import duration, number
from bot.texts.spanish import TEXTS
from model.errors import CheckpointError, CodedError, DeviceError, ExchangeError, PromptError

KINDS = (PromptError, CheckpointError, DeviceError, ExchangeError, ClusterError)
CODES = [
    pytest.param(kind, code, id=f"{kind.__name__}-{code}") for kind in KINDS for code in kind.TEXTS
]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_coded_errors_have_same_values_in_spanish(kind: type[CodedError], code: str) -> None:
    assert placeholders(TEXTS[code]) == placeholders(kind.TEXTS[code])


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_explanation_is_one_sentence_with_all_values(kind: type[CodedError], code: str) -> None:
    values = {name: number for number, name in enumerate(placeholders(kind.TEXTS[code]), 1001)}
    told = explain(kind(code, **values))
    assert all(str(value) in told for value in values.values())
    assert told.endswith(".")
    assert "\n" not in told


def test_error_codes_are_unique() -> None:
    codes = [code for kind in KINDS for code in kind.TEXTS]
    assert len(set(codes)) == len(codes)


def test_unknown_style_lists_known_styles() -> None:
    error = PromptError("style", value="quevedo", known=("cervantes", "galdos"))
    assert explain(error) == say("style", value="quevedo", known="cervantes, galdos")


def test_model_without_styles() -> None:
    assert explain(PromptError("style", value="galdos", known=())) == say("style_none")


def test_no_notice_without_reason() -> None:
    assert notices((), 0) == []


def test_notice_names_dropped_characters_once() -> None:
    assert notices(("@", "#", "@"), 0) == [say("dropped", characters="@ #")]
    (notice,) = notices(tuple(map(chr, range(0x4E00, 0x4F00))), 0)
    assert len(notice) < 150


@pytest.mark.parametrize(("count", "key"), [(1, "truncated"), (2, "truncated_many")])
def test_notice_counts_truncated_sentences(count: int, key: str) -> None:
    assert notices((), count) == [say(key, count=count)]


def test_english_has_same_keys_and_values_as_spanish() -> None:
    coded = {code for kind in KINDS for code in kind.TEXTS}
    assert ENGLISH_TEXTS.keys() == TEXTS.keys() - coded
    for key, text in ENGLISH_TEXTS.items():
        assert placeholders(text) == placeholders(TEXTS[key]), key


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_coded_errors_are_explained_in_english(kind: type[CodedError], code: str) -> None:
    values = {name: number for number, name in enumerate(placeholders(kind.TEXTS[code]), 1001)}
    told = explain(kind(code, **values), ENGLISH)
    assert told[0] == told[0].upper()
    assert told.endswith(".")


@pytest.mark.parametrize(
    ("code", "language"),
    [("en-GB", ENGLISH), ("en", ENGLISH), ("es-419", SPANISH), ("fr", SPANISH), (None, SPANISH)],
)
def test_only_english_tags_select_english(code: str | None, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (19_200, "5 h 20 min")],
)
def test_duration_has_at_most_two_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_number_uses_separators_of_language() -> None:
    assert [number(4_875_776), number(1.08976, 4)] == ["4.875.776", "1,0898"]
    assert number(4_875_776.25, 1, ENGLISH) == "4,875,776.2"
