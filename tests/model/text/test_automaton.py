"""The automaton against the rules of `Sequence.constraint`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine.sequence import Sequence
from model.text.automaton import Automaton
from model.text.constraints import Constraint
from model.text.prompt import Options, prepare
from model.text.sentences import ABBREVIATIONS, CLOSERS, OPENERS, WINDOW
from model.text.tokenizer import Tokenizer
from tests.conftest import TINY_TOKENIZER

UNMARKED = Tokenizer((), TINY_TOKENIZER.characters, marked=False)
AWKWARD = "aEmzÑ1 .,!?»)\"]'«(¿¡—".replace("]", "")
PIECES = st.sampled_from(
    [*AWKWARD, "Sr.", "Excmo.", "cap", "D. ", ". ", "?» ", ".) ", "p. ej. ", "EE. UU. ", "etc. "]
)


def phrase(pieces: list[str]) -> str:
    return "".join(pieces)


def state_behind(sequence: Sequence, automaton: Automaton) -> int:
    complete = sequence.constraint() is Constraint.COMPLETE
    return automaton.read(sequence.sentence, complete=complete)


def amid_a_text(tokenizer: Tokenizer) -> Sequence:
    """A sequence with one generated character."""
    sequence = Sequence(prepare("a", tokenizer), Options(), tokenizer)
    sequence.accept(tokenizer.character_ids[" "], 0.0)
    return sequence


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=70).map(phrase))
def test_phrase_gives_constraint_of_rules(text: str) -> None:
    for tokenizer in (TINY_TOKENIZER, UNMARKED):
        if not tokenizer.represent(text).text:
            continue
        sequence = Sequence(prepare(text, tokenizer), Options(), tokenizer)
        automaton = Automaton(tokenizer)
        state = state_behind(sequence, automaton)
        assert automaton.constraints[state] == sequence.constraint()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(PIECES, min_size=1, max_size=10).map(phrase),
    st.lists(st.integers(0, 2**16), max_size=120),
    st.booleans(),
)
def test_tokens_give_constraints_of_rules(text: str, choices: list[int], marked: bool) -> None:
    """Valid tokens, many of them full stops, spaces and marks."""
    tokenizer = TINY_TOKENIZER if marked else UNMARKED
    if not tokenizer.represent(text).text:
        return
    options = Options(sentences=5, sentence_limit=4000)
    sequence = Sequence(prepare(text, tokenizer), options, tokenizer)
    automaton = Automaton(tokenizer)
    state = state_behind(sequence, automaton)
    often = [tokenizer.character_ids[each] for each in AWKWARD] + [tokenizer.separator] * 4
    for choice in choices:
        assert automaton.constraints[state] == sequence.constraint()
        token = often[choice % len(often)]
        if marked and token == tokenizer.separator and sequence.constraint() != 1:
            continue
        if sequence.constraint() is Constraint.COMPLETE:
            token = tokenizer.character_ids[" "]
        sequence.accept(token, 0.0)
        state = automaton.following[state, token]
        if sequence.finished:
            break


@pytest.mark.parametrize("end", [".", "?»", '!")', ".»»"])
@pytest.mark.parametrize("marks", [" ", " «", ' "', " ("])
def test_possible_end_is_forgotten_after_window(end: str, marks: str) -> None:
    automaton, rules = Automaton(TINY_TOKENIZER), amid_a_text(TINY_TOKENIZER)
    for count in range(WINDOW + 4):
        rules._sentence = f"Ay{end} " + marks[-1] * count
        assert automaton.constraints[automaton.read(rules._sentence)] == rules.constraint()


def test_abbreviations_and_initials_are_known() -> None:
    tokenizer = Tokenizer((), "".join(sorted({*TINY_TOKENIZER.characters, *"ªº"})))
    automaton, rules = Automaton(tokenizer), amid_a_text(tokenizer)
    words = {*ABBREVIATIONS, "A", "ñ", "Ñ", "Srx", "xSr", "señor", "etc", "EE. UU", "col", "p. ej"}
    words |= {"n.º", "1.º", "D.ª", "a. m", "etcé", "Pro", "AVDA", "q. e. p. d"}
    assert all(set(word) <= set(tokenizer.characters) for word in words)
    for word in words:
        for before in ("", "el ", "(", *OPENERS & set(tokenizer.characters)):
            for behind in ("", " ", " M", *CLOSERS & set(tokenizer.characters), "."):
                rules._sentence = f"{before}{word}.{behind}"
                found = automaton.constraints[automaton.read(rules._sentence)]
                assert found == rules.constraint(), rules._sentence
