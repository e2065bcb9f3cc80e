"""Decoding ahead gives the same texts as token by token, while texts join, leave and are cut."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.checkpoint.config import DecoderConfig
from model.checkpoint.discovery import bundled_checkpoints
from model.cuda.buffers import SharedBuffers
from model.cuda.graphs import Abilities, Graphs
from model.cuda.session import COLUMNS, MOST
from model.cuda.torch_step import TorchSteps
from model.engine.backend import AheadSession, Backend, Session
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.loaded_model import LoadedModel
from model.engine.sequence import Sequence
from model.pytorch.backend import load_pytorch
from model.pytorch.cache import KVCache, StaticCache
from model.pytorch.decoder import Decoder
from model.pytorch.session import TorchSession
from model.text.automaton import Automaton
from model.text.constraints import constraint_masks
from model.text.prompt import Options, prepare
from model.text.tokenizer import Tokenizer
from tests.conftest import TINY_TOKENIZER, save_tiny, tiny_config, tiny_memory
from tests.model.ahead import load_ahead
from tests.model.natives import remembering

Pair = tuple[LoadedModel[Backend], LoadedModel[Backend]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The same checkpoint, synchronous and ahead."""
    folder = save_tiny(tmp_path_factory.mktemp("running") / "tiny")
    return load_pytorch(folder), load_ahead(folder)


def options(**changes: object) -> Options:
    return Options(**{"sentence_limit": 60, "seed": 5, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("phrase", ["En un lugar", "Se fue. No volvió.", "Y entonces...", "«Ven» "])
def test_seed_gives_same_text(pair: Pair, phrase: str) -> None:
    plain, ahead = pair
    for seed in range(2):
        chosen = options(seed=seed, sentences=1 + seed, temperature=0.6 + seed / 4, top_p=0.9)
        assert generate(ahead, phrase, chosen) == generate(plain, phrase, chosen)


def test_zero_temperature_gives_same_text(pair: Pair) -> None:
    plain, ahead = pair
    assert generate(ahead, "Hola", options(temperature=0)) == generate(
        plain, "Hola", options(temperature=0)
    )


def test_text_beyond_context_is_same(pair: Pair) -> None:
    plain, ahead = pair
    chosen = options(sentences=4, sentence_limit=110, style="galdos")
    result = generate(ahead, "Pues señor", chosen)
    assert result.characters > plain.decoder.config.context
    assert result.truncated
    assert result == generate(plain, "Pues señor", chosen)


def test_joining_and_leaving_texts_equal_texts_alone(pair: Pair) -> None:
    plain, ahead = pair
    engine = Engine(ahead, slots=3)
    sequences = [
        compose(
            ahead,
            f"Frase {index}" * (1 + index % 3),
            options(seed=index, sentences=1 + index % 3, temperature=0.5 + index / 10),
        )
        for index in range(6)
    ]
    for sequence in sequences[:4]:
        engine.add(sequence)
    for _ in range(3):
        engine.step()
        assert engine.running == 3
    gone = next(sequence for sequence in sequences if sequence.characters > 0)
    engine.cancel(gone)
    for sequence in sequences[4:]:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    assert not gone.finished
    for sequence in sequences:
        if sequence is not gone:
            alone = generate(plain, sequence.prompt.text, sequence.options)
            assert sequence.text == alone.text


def test_streamed_pieces_join_to_continuation(pair: Pair) -> None:
    pieces: list[str] = []
    result = generate(pair[1], "Era", options(sentences=3), pieces.append)
    assert result.truncated
    assert result.phrase + "".join(pieces) == result.text
    assert len(pieces) > 3


@pytest.mark.parametrize(
    "config",
    [
        None,
        DecoderConfig(
            "reference", TINY_TOKENIZER.size - 4, 96, 32, 2, 2, 64, 0.1, 1e4, True, False
        ),
        tiny_memory(Tokenizer((), TINY_TOKENIZER.characters, marked=False)),
    ],
    ids=["modern", "reference", "memory"],
)
def test_unmarked_and_reference_family_are_same(
    tmp_path: Path, config: DecoderConfig | None
) -> None:
    tokenizer = Tokenizer((), TINY_TOKENIZER.characters, marked=False)
    folder = save_tiny(tmp_path / "plain", tokenizer=tokenizer, config=config)
    plain, ahead = load_pytorch(folder), load_ahead(folder)
    for seed in range(2):
        chosen = options(seed=seed, sentences=2, sentence_limit=40)
        assert generate(ahead, "Se fue. ¡Ay! dijo", chosen) == generate(
            plain, "Se fue. ¡Ay! dijo", chosen
        )


def test_bundled_checkpoint_gives_same_text() -> None:
    small = bundled_checkpoints() / "small"
    chosen = Options(seed=4, sentences=1, sentence_limit=90)
    told = [
        generate(each, "En un lugar de la Mancha", chosen)
        for each in (load_pytorch(small), load_ahead(small))
    ]
    assert told[0] == told[1]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from('aE .,!?»"«\n'), max_size=200),
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
    st.integers(1, 3),
    st.booleans(),
)
def test_accept_all_equals_accept_one_by_one(
    characters: list[str], portions: list[int], wanted: int, marked: bool
) -> None:
    tokenizer = TINY_TOKENIZER if marked else Tokenizer((), TINY_TOKENIZER.characters, marked=False)
    ids = tokenizer.character_ids | {"\n": tokenizer.separator}
    tokens = [ids[each] for each in characters]
    chosen = Options(sentences=wanted, sentence_limit=40)
    one, all_ = (Sequence(prepare("Hola", tokenizer), chosen, tokenizer) for _ in range(2))
    at = 0
    for portion in portions:
        given = tokens[at : at + portion]
        taken, cut = all_.accept_all(given, [-0.5] * len(given))
        changed = []
        for token in tokens[at : at + taken]:
            one.next_uniform()
            changed.append(one.accept(token, -0.5))
        assert changed[-1:] == ([cut] if taken else [])
        assert taken == portion or cut or all_.finished or at + taken == len(tokens)
        at += taken
        assert one.__dict__ | {"_random": 0} == all_.__dict__ | {"_random": 0}
        if all_.finished:
            break


@pytest.mark.parametrize("remembers", [False, True])
@torch.inference_mode()
def test_static_cache_gives_same_logits(remembers: bool) -> None:
    config = DecoderConfig("modern", 40, 32, 48, 3, 4, 80)
    if remembers:
        config = remembering(config, (1, 2, 5), (1, 2))
    decoder = Decoder(config).eval()
    decoder.initialize(torch.Generator().manual_seed(0))
    cpu = torch.device("cpu")
    plain = KVCache(config, 3, cpu, torch.float32)
    static = StaticCache(config, 4, cpu, torch.float32)
    for position in range(20):
        tokens = torch.tensor([position, 2 * position, 39 - position])
        rows, positions = torch.tensor([0, 1, 2]), torch.full((3,), position)
        expected = decoder.decode(tokens, plain, rows, positions)
        # A slot may repeat: a text that is read at once.
        found = decoder.decode(tokens, static, rows, positions, 32)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    text = torch.arange(20) * 3 % 40
    read = decoder.decode(text, static, torch.full((20,), 3), torch.arange(20), 24)
    torch.testing.assert_close(read, decoder(text[None])[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "config",
    [tiny_config(), replace(tiny_config(), family="reference"), tiny_memory()],
    ids=["modern", "reference", "memory"],
)
@torch.inference_mode()
def test_step_never_synchronises(config: DecoderConfig) -> None:
    """Required for capture: meta tensors have no content to read."""
    nowhere = torch.device("meta")
    decoder = Decoder(config).eval().to(nowhere)
    masks, automaton = constraint_masks(TINY_TOKENIZER), Automaton(TINY_TOKENIZER)
    buffers = SharedBuffers(4, 4, COLUMNS[-1], MOST, masks, automaton, nowhere)
    steps = TorchSteps(decoder, buffers, torch.float32)
    for slots in (1, 4):
        buffers.begin_launch(slots)
        steps.step(slots, 0, 64)
    steps.read(16, 64)
    with pytest.raises(RuntimeError, match="meta"):
        _ = int(buffers.outputs.max())  # as a synchronising operation would


@pytest.mark.parametrize("config", [tiny_config(), tiny_memory()], ids=["modern", "memory"])
def test_bfloat16_generates(tmp_path: Path, config: DecoderConfig) -> None:
    ahead = load_ahead(save_tiny(tmp_path / "tiny", config=config), dtype=torch.bfloat16)
    assert len(generate(ahead, "Hola", options(sentences=1)).sentences) == 1


def test_ngram_memory_is_same_in_batch_beyond_context(
    memory_checkpoint: Path,
) -> None:
    plain, ahead = load_pytorch(memory_checkpoint), load_ahead(memory_checkpoint)
    engine = Engine(ahead, slots=2)
    sequences = [
        compose(ahead, f"Frase {seed}", options(seed=seed, sentences=2, sentence_limit=80))
        for seed in range(3)
    ]
    for sequence in sequences:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    assert max(len(each.text) for each in sequences) > plain.decoder.config.context
    for each in sequences:
        assert each.text == generate(plain, each.prompt.text, each.options).text


def test_ahead_session_is_recognised(pair: Pair) -> None:
    masks = np.zeros((4, TINY_TOKENIZER.size), np.float32)
    assert not isinstance(pair[0].decoder.session(1, masks), AheadSession)
    engine = Engine(pair[1], slots=1)
    assert isinstance(engine._session, AheadSession)
    assert not isinstance(engine._session, TorchSession)


def test_pytorch_on_cpu_is_synchronous(pair: Pair) -> None:
    session: Session | AheadSession = Engine(pair[0], slots=1)._session
    assert isinstance(session, TorchSession)
    assert pair[0].decoder.engine == "pytorch"


def test_missing_kernels_log_once_and_keep_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "triton", None)
    monkeypatch.delitem(__import__("sys").modules, "model.cuda.triton_kernels", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "model.cuda.triton_step", raising=False)
    folder = save_tiny(tmp_path / "tiny")
    with caplog.at_level(logging.WARNING):
        ahead = load_ahead(folder, kernels=True)
        told = [generate(ahead, "Hola", options(seed=seed)) for seed in range(2)]
    assert ["kernels" in line for line in caplog.messages] == [True]
    assert ahead.decoder.engine == "pytorch"
    plain = load_pytorch(folder)
    assert told == [generate(plain, "Hola", options(seed=seed)) for seed in range(2)]


@pytest.mark.parametrize(
    ("kernels", "graphs", "engine"),
    [
        (True, True, "kernels-graphs"),
        (True, False, "kernels"),
        (False, True, "pytorch-graphs"),
        (False, False, "pytorch"),
    ],
)
def test_abilities_name_engine(kernels: bool, graphs: bool, engine: str) -> None:
    assert Abilities(kernels, graphs).engine == engine


def test_uncaptured_work_is_called_every_time() -> None:
    graphs, calls = Graphs(torch.device("cpu"), Abilities(False, False)), list[int]()
    work: Callable[[], None] = lambda: calls.append(1)  # noqa: E731
    with graphs.working():
        for _ in range(4):
            graphs.run("work", work)
    graphs.mark()()
    assert calls == [1] * 4
