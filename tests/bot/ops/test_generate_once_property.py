"""Any input is either refused with a reason or continued with the requested sentences."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ops.generate_once import Answer
from bot.texts import explain
from model.engine.generate import generate
from model.engine.loaded_model import LoadedModel
from model.errors import PromptError
from model.pytorch.backend import TorchBackend, load_pytorch
from model.text.prompt import Options, prepare
from model.text.sentences import split_sentences
from tests.conftest import TINY_TOKENIZER

# Accidental input, and fragments that exercise the rules of Spanish sentences.
PIECES = [
    "Hola", "¡Ay!", " dijo", "Sr.", "D. Juan", "etc.", "...", "…", ". ", "? ", "! ", "!» ", ".» A",
    "¿", "«", "»", "—", "--", "''", "(", ")", '"', "'", " ", "\n", "S. M.", "1.", "a", "A", "ñ",
    "n\u0303", "@everyone", "**", "\u200f", "\x00", "\ud800", "\N{DRAGON}",
]  # fmt: skip
PHRASES = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)


@cache
def tiny(folder: Path) -> LoadedModel[TorchBackend]:
    return load_pytorch(folder)


@pytest.mark.timeout(240)
@settings(max_examples=150, deadline=None)
@given(
    phrase=PHRASES,
    count=st.integers(1, 3),
    style=st.sampled_from([None, "Galdós"]),
    seed=st.integers(0, 2**63 - 1),
)
def test_phrase_is_refused_or_continued_exactly(
    checkpoints: Path, phrase: str, count: int, style: str | None, seed: int
) -> None:
    options = Options(sentences=count, style=style, seed=seed, sentence_limit=40)
    try:
        result = generate(tiny(checkpoints / "tiny"), phrase, options)
    except PromptError as error:
        explain(error)  # raises for an error without a text
        return
    written = list(result.sentences)
    assert len(written) == count
    # An incomplete last sentence of the phrase is the beginning of the first generated one.
    read = prepare(result.phrase, TINY_TOKENIZER).text
    given, text = split_sentences(read), split_sentences(read + result.continuation)
    assert text[len(text) - count + 1 :] == written[1:]
    assert text[:-count] in (given, given[:-1])
    assert result.text.endswith(" ".join(written))
    assert result.text.startswith(result.phrase)
    Answer(result, "native", 0.0).to_json().encode()
