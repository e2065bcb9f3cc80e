"""Whole texts: complete sentences, seeds, joining and leaving, streaming, limits, cancelling."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.loaded_model import LoadedModel
from model.engine.result import Result
from model.errors import PromptError
from model.native import library
from model.native.decoder import load_native
from model.pytorch.backend import load_pytorch
from model.text.prompt import Options, prepare
from model.text.sentences import may_end, split_sentences
from model.text.tokenizer import Tokenizer
from tests.conftest import TINY_TOKENIZER, save_tiny


@pytest.fixture(scope="module", params=[load_pytorch, load_native], ids=["pytorch", "native"])
def checkpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> LoadedModel[Backend]:
    if request.param is load_native and library.load() is None:
        pytest.skip("the kernel was not built")
    loaded: LoadedModel[Backend] = request.param(
        save_tiny(tmp_path_factory.mktemp("engine") / "tiny")
    )
    return loaded


def options(**changes: object) -> Options:
    """Short sentences, since an untrained decoder never ends them."""
    return Options(**{"sentence_limit": 60, "seed": 5, **changes})  # type: ignore[arg-type]


def assert_sound(result: Result, wanted: int) -> None:
    """Exactly the requested sentences, complete, and recovered by splitting the text."""
    assert len(result.sentences) == wanted
    assert all(may_end(sentence) for sentence in result.sentences)
    assert result.text.startswith(result.phrase)
    assert result.text.endswith(" ".join(result.sentences))
    read = prepare(result.phrase, TINY_TOKENIZER).text
    continued = not may_end(read) or read.endswith("...")
    found = split_sentences(read + result.continuation)
    assert len(found) == len(split_sentences(read)) + wanted - continued
    assert tuple(found[1 - wanted :] if wanted > 1 else ()) == result.sentences[1:]
    assert result.characters == len(result.text) - len(result.phrase)


@pytest.mark.parametrize("wanted", [1, 2, 3, 4, 5])
def test_result_has_requested_number_of_sentences(
    checkpoint: LoadedModel[Backend], wanted: int
) -> None:
    for seed in range(4):
        result = generate(checkpoint, "En un lugar", options(sentences=wanted, seed=seed))
        assert_sound(result, wanted)
        assert result.sentences[0].startswith("En un lugar")


def test_new_sentences_follow_finished_phrase(checkpoint: LoadedModel[Backend]) -> None:
    result = generate(checkpoint, "Se fue. No volvió.", options())
    assert_sound(result, 2)
    assert result.text.startswith("Se fue. No volvió. " + result.sentences[0])


@pytest.mark.parametrize(
    "phrase", ["Y entonces...", "El Sr.", "Hola. —", "¿", "a", "«Ven» ", "..."]
)
def test_awkward_phrase_endings_give_whole_sentences(
    checkpoint: LoadedModel[Backend], phrase: str
) -> None:
    for seed in range(3):
        assert_sound(generate(checkpoint, phrase, options(seed=seed)), 2)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(st.characters(), max_size=60), st.text('aB .!?…»«"()¿¡—', max_size=40)),
    st.integers(1, 3),
    st.integers(0, 2**63 - 1),
)
def test_any_text_is_continued_or_refused(
    checkpoint: LoadedModel[Backend], phrase: str, wanted: int, seed: int
) -> None:
    chosen = options(sentences=wanted, seed=seed, sentence_limit=40)
    if checkpoint.tokenizer.represent(phrase).text:
        assert_sound(generate(checkpoint, phrase, chosen), wanted)
    else:
        with pytest.raises(PromptError, match=r"empty|no character"):
            generate(checkpoint, phrase, chosen)


def test_text_follows_from_seed(
    checkpoint: LoadedModel[Backend],
) -> None:
    first, again = (generate(checkpoint, "Hola", options(seed=9)) for _ in range(2))
    assert first == again
    assert generate(checkpoint, "Hola", options(seed=10)).text != first.text


def test_batched_texts_equal_texts_alone(checkpoint: LoadedModel[Backend]) -> None:
    engine = Engine(checkpoint, slots=3)
    sequences = [
        compose(
            checkpoint,
            f"Frase {index}" * (1 + index % 3),
            options(seed=index, sentences=1 + index % 3, temperature=0.5 + index / 10),
        )
        for index in range(8)
    ]
    for sequence in sequences[:5]:
        engine.add(sequence)
    for _ in range(20):
        engine.step()
        assert engine.running <= 3
    for sequence in sequences[5:]:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    for sequence in sequences:
        assert sequence.text == generate(checkpoint, sequence.prompt.text, sequence.options).text


def test_streamed_runaway_joins_to_continuation(
    checkpoint: LoadedModel[Backend],
) -> None:
    pieces: list[str] = []
    result = generate(checkpoint, "Era", options(sentences=3), pieces.append)
    assert result.truncated > 0
    assert result.phrase + "".join(pieces) == result.text
    assert len(pieces) > 20


def test_text_does_not_depend_on_streaming(checkpoint: LoadedModel[Backend]) -> None:
    for seed in range(6):
        chosen = options(seed=seed, sentence_limit=150)
        assert generate(checkpoint, "Era", chosen, lambda text: None) == generate(
            checkpoint, "Era", chosen
        )


def test_runaway_sentence_ends_at_limit(checkpoint: LoadedModel[Backend]) -> None:
    result = generate(checkpoint, "Era", options(sentence_limit=50))
    assert_sound(result, 2)
    assert result.truncated
    assert all(len(sentence) <= len("Era") + 50 + len("...") for sentence in result.sentences)


def test_text_continues_beyond_context(checkpoint: LoadedModel[Backend]) -> None:
    context = checkpoint.decoder.config.context
    chosen = options(sentences=5, sentence_limit=100, style="galdos")
    result = generate(checkpoint, "Pues señor", chosen)
    assert result.characters > context
    assert_sound(result, 5)


def test_cancel_frees_slot_for_next_text(checkpoint: LoadedModel[Backend]) -> None:
    engine = Engine(checkpoint, slots=1)
    first, second = (compose(checkpoint, word, options()) for word in ("Uno", "Dos"))
    engine.add(first)
    engine.add(second)
    engine.step()
    engine.cancel(first)
    engine.cancel(first)
    while engine.busy:
        engine.step()
    assert not first.finished
    assert second.text == generate(checkpoint, "Dos", options()).text


def test_zero_temperature_ignores_seed(checkpoint: LoadedModel[Backend]) -> None:
    texts = {generate(checkpoint, "Hola", options(temperature=0, seed=s)).text for s in range(3)}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sentences": 0}, "sentences"),
        ({"sentences": 99}, "sentences"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"sentence_limit": 1}, "sentence_limit"),
    ],
)
def test_options_out_of_bounds_are_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(PromptError) as refused:
        options(**changes)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("phrase", "code"),
    [("", "empty"), (" \n\t", "empty"), ("\u200f\u200e", "unwritable"), ("😀😀", "unwritable"),
     ("a" * 401, "too_long"), ("a" * 10_000, "too_long"), ("\x00" * 5, "unwritable")],
)  # fmt: skip
def test_phrases_that_cannot_be_continued_are_refused(
    checkpoint: LoadedModel[Backend], phrase: str, code: str
) -> None:
    with pytest.raises(PromptError) as refused:
        generate(checkpoint, phrase, options())
    assert refused.value.code == code


def test_style_spelling_is_lenient_and_unknown_refused(
    checkpoint: LoadedModel[Backend],
) -> None:
    assert generate(checkpoint, "Hola", options(style=" Galdós ")).style == "galdos"
    with pytest.raises(PromptError) as refused:
        generate(checkpoint, "Hola", options(style="borges"))
    assert refused.value.values["known"] == ("cervantes", "galdos")


def test_style_changes_text(checkpoint: LoadedModel[Backend]) -> None:
    texts = {
        generate(checkpoint, "Hola", options(style=style)).text
        for style in (None, "cervantes", "galdos")
    }
    assert len(texts) == 3


def test_longest_allowed_phrase_is_continued(tmp_path: Path) -> None:
    short = load_pytorch(save_tiny(tmp_path / "short", context=64))
    assert_sound(generate(short, "palabra " * 49 + "fin", options()), 2)


@pytest.mark.parametrize("phrase", ["En un lugar", "Se fue. No volvió.", "¡Ay!", "Hola. —", "a"])
def test_unmarked_space_ends_sentence(tmp_path: Path, phrase: str) -> None:
    tokenizer = Tokenizer((), TINY_TOKENIZER.characters, marked=False)
    plain = load_pytorch(save_tiny(tmp_path / "plain", tokenizer=tokenizer))
    for seed in range(3):
        pieces: list[str] = []
        result = generate(plain, phrase, options(seed=seed, sentences=3), pieces.append)
        assert_sound(result, 3)
        assert result.phrase + "".join(pieces) == result.text
    with pytest.raises(PromptError) as refused:
        generate(plain, phrase, options(style="galdos"))
    assert refused.value.code == "style"
