"""Typed phrases."""

from __future__ import annotations

import numpy as np
import pytest

from model.engine.composition import Composition
from model.engine.result import result_of
from model.engine.sequence import Sequence
from model.errors import PromptError
from model.ranking.ranking import Ranking
from model.text.constraints import Constraint, constraint_masks
from model.text.phrase import Phrase
from model.text.prompt import Options, check_phrase, prepare
from tests.conftest import TINY_TOKENIZER


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("TENGO HAMBRE", "Tengo hambre"),
        ("¡TENGO HAMBRE! ¿Y TÚ?", "¡Tengo hambre! ¿Y tú?"),
        ("tengo hambre", "Tengo hambre"),
        ("tENGO hAMBRE", "Tengo hambre"),
        ("HoLa a todos", "Hola a todos"),
        ("No, NUNCA. JAMÁS", "No, nunca. Jamás"),
        ("AÑO 2026", "Año 2026"),
        ("Felipe II y Alfonso XVIII", "Felipe II y Alfonso XVIII"),
        ("La ONU dijo", "La ONU dijo"),
        ("Don Quijote", "Don Quijote"),
        ("—¿QUIÉN VIVE?", "—¿Quién vive?"),
        ("Y", "Y"),
        ("123", "123"),
        ("", ""),
    ],
)
def test_decoder_reads_normal_case(typed: str, read: str) -> None:
    assert Phrase.of(typed).in_normal_case == read


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  AÑO\t2026\n", "AÑO 2026"),
        ("Ç, Ü, ª y “comillas”…", "Ç, Ü, ª y “comillas”…"),
        ("Ha\u0301 \u202eatrás\u2066 nulo\x00", "Há atrás nulo"),
        ("mi 👨\u200d👩\u200d👧 y\u200d yo", "mi 👨\u200d👩\u200d👧 y yo"),
        ("a" + "\u0315" * 40 + "b", "a" + "\u0315" * 2 + "b"),
    ],
)
def test_phrase_is_shown_as_typed_on_one_line(typed: str, shown: str) -> None:
    assert Phrase.of(typed).text + Phrase.of(typed).mark == shown


@pytest.mark.parametrize("mark", ["-", "‐", "...", "…"])
def test_mark_after_last_letter_completes_word(mark: str) -> None:
    phrase = Phrase.of(f"La Man{mark}")
    assert phrase.mark == mark
    assert phrase.shown("cha") == "La Man"
    kept = mark in ("...", "…")
    assert phrase.shown(" era") == ("La Man" + mark if kept else "La Man")
    assert phrase.shown(". Era") == "La Man"


@pytest.mark.parametrize("typed", ["La Mancha -", "Vino...!", "Y 12...", "—"])
def test_mark_elsewhere_is_text(typed: str) -> None:
    assert Phrase.of(typed).shown("x") == typed


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("El mar", True),
        ("Son las 12", True),
        ("El mar 🌊", True),
        ("El mar,", False),
        ("El mar-", False),
    ],
)
def test_last_word_is_complete_without_mark(typed: str, whole: bool) -> None:
    sequence = Sequence(prepare(typed, TINY_TOKENIZER), Options(), TINY_TOKENIZER)
    assert (sequence.constraint() is Constraint.COMPLETE) is whole
    sequence.accept(TINY_TOKENIZER.character_ids[" "], 0.0)
    sequence.accept(TINY_TOKENIZER.character_ids["y"], 0.0)
    assert sequence.constraint() is Constraint.INSIDE


def test_complete_word_allows_space_or_punctuation() -> None:
    mask = constraint_masks(TINY_TOKENIZER)[Constraint.COMPLETE]
    allowed = {TINY_TOKENIZER.pieces[token] for token in np.flatnonzero(mask == 0)}
    assert allowed == set(" ,;:.!?")


def test_result_and_sentences_show_phrase_as_typed() -> None:
    prompt = prepare("Fui. EL Ñandú Ægir", TINY_TOKENIZER)
    assert prompt.dropped == ("Æ",)
    text = Composition(prompt, Options(sentences=1), TINY_TOKENIZER, Ranking(None))
    (sequence,) = text.sequences
    for character in " vio.":
        sequence.accept(TINY_TOKENIZER.character_ids[character], 0.0)
    sequence.accept(TINY_TOKENIZER.separator, 0.0)
    result = result_of(text, "id")
    assert result.text == "Fui. EL Ñandú Ægir vio."
    assert result.sentences == ("EL Ñandú Ægir vio.",)
    assert result.phrase + result.continuation == result.text


def test_long_input_that_normalises_to_little_is_too_long() -> None:
    with pytest.raises(PromptError, match="401 characters"):
        check_phrase("a" + "." * 400)


def test_input_that_expands_beyond_limit_is_too_long() -> None:
    with pytest.raises(PromptError, match="1600 characters"):
        prepare("㏘" * 400, TINY_TOKENIZER)
