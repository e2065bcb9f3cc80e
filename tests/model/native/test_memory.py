"""The n-gram memory in the kernel: its rows, and texts with cache and speculation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.memory_keys import (
    LOOKBACK,
    MAX_ORDER,
    MAX_WORDS,
    WORD_LETTERS,
    WORD_REACH,
    MemoryConfig,
    letters_of,
    rows_of,
    symbols_of,
)
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.native.decoder import NativeDecoder, load_native
from model.native.library import load
from model.pytorch.checkpoint import load_checkpoint
from model.pytorch.decoder import Decoder
from model.text.prompt import Options
from tests.conftest import TINY_TOKENIZER, save_tiny, tiny_memory
from tests.model.natives import (
    memory_rows,
    native_of,
    remembering,
    session_of,
    some_tokens,
)
from tests.model.pytorch.test_decoder import random_decoder
from training.data.drafts import make_drafts

pytestmark = pytest.mark.skipif(load() is None, reason="the kernel was not built")

IDS = TINY_TOKENIZER.character_ids


def ids(text: str) -> list[int]:
    return [IDS[character] for character in text]


KEYS = MemoryConfig(
    tuple(range(1, MAX_ORDER + 1)),
    tuple(range(1, MAX_WORDS + 1)),
    (1 << 16) - 15,
    1,
    symbols_of(TINY_TOKENIZER),
    letters_of(TINY_TOKENIZER),
)
TEXTS = {
    "one token": [0],
    "a style": [TINY_TOKENIZER.style_id("galdos"), *ids("En un lugar")],
    "sentences": [0, *ids("Se fue."), TINY_TOKENIZER.separator, *ids("No vino")],
    "capitals": [0, *ids("ÁRBOL árbol Ñandú")],
    "no letter": [0, *ids(" " * 200)],
    "only letters": ids("a" * 200),
    "long words": [0, *ids(f"{'ab' * 13} {'cde' * 7} {'f' * 20} {'g' * 21} {'h' * 19}h.")],
    "a word just in reach": [0, *ids("no" + "." * (WORD_REACH - 1))],
    "a word just out of reach": [0, *ids("no" + "." * WORD_REACH)],
    "a long word at the reach": [0, *ids("x" * 30 + "." * (WORD_REACH - 1))],
    "words far apart": [0, *ids("uno" + "," * 31 + "dos" + "-" * 27 + "tres")],
}


@pytest.fixture(scope="module")
def keys() -> tuple[Decoder, NativeDecoder]:
    """A decoder with a table for every order, in PyTorch and in C."""
    config = DecoderConfig("modern", TINY_TOKENIZER.size, 256, 2, 1, 1, 1)
    decoder = Decoder(replace(config, memory=KEYS))
    return decoder, native_of(decoder)


def assert_same_rows(keys: tuple[Decoder, NativeDecoder], tokens: list[int]) -> None:
    decoder, native = keys
    assert decoder.memory is not None
    expected = [rows_of(decoder.memory.config, tokens[: end + 1]) for end in range(len(tokens))]
    assert memory_rows(native, tokens) == expected
    assert decoder.memory.rows(torch.tensor([tokens]))[0].tolist() == expected


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_rows_equal_definition(keys: tuple[Decoder, NativeDecoder], text: list[int]) -> None:
    assert_same_rows(keys, text)


# Runs of letters and of other characters, long enough to reach every limit.
runs = st.tuples(st.sampled_from("aBñ. ,7"), st.integers(1, WORD_LETTERS + 5) | st.integers(60, 70))


@settings(max_examples=60, deadline=None)
@given(st.lists(runs, min_size=1, max_size=12), st.integers(0, 3))
def test_rows_of_any_text_equal_definition(
    keys: tuple[Decoder, NativeDecoder], text: list[tuple[str, int]], first: int
) -> None:
    tokens = [first, *ids("".join(letter * count for letter, count in text))]
    assert_same_rows(keys, tokens[-256:])


def test_rows_spread_over_table(keys: tuple[Decoder, NativeDecoder]) -> None:
    tokens = some_tokens(keys[1].config, 250)
    found = np.array(memory_rows(keys[1], tokens))
    assert found.min() >= 0
    assert found.max() < KEYS.rows
    assert len(np.unique(found[:, 3])) > 200  # of order 4: hardly one comes twice


def test_tokens_out_of_range_have_no_rows(keys: tuple[Decoder, NativeDecoder]) -> None:
    _, native = keys
    read, found = np.array([0, TINY_TOKENIZER.size], np.int32), np.zeros((2, 20), np.uint32)
    addresses = read.ctypes.data, found.ctypes.data
    assert native.library.lg_memory_rows(native.handle, 2, *addresses) == -1


CONFIG = remembering(DecoderConfig("modern", 40, 160, 48, 2, 4, 80), (1, 3, 8), (1, 2, 3))


def test_slot_keeps_its_tokens_across_prefills() -> None:
    """A wrong speculative token is overwritten; a common prefix is not read again."""
    decoder = native_of(random_decoder(CONFIG))
    session = session_of(decoder, 2)
    found = np.empty((3, CONFIG.vocabulary), np.float32)
    text, guess, newcomer = (some_tokens(CONFIG, 120, seed) for seed in range(3))
    session.prefill(1, text[:100])
    session.extend([1] * 3, [text[100], *guess[:2]], range(100, 103), logits=found)
    assert np.array_equal(found, decoder.logits([*text[:101], *guess[:2]])[100:])
    session.extend([1] * 3, text[101:104], range(101, 104), logits=found)
    assert np.array_equal(found, decoder.logits(text[:104])[101:])
    session.prefill(1, text[:60] + newcomer[:10], held=60)
    session.extend([1], newcomer[10:11], [70], logits=found[:1])
    assert np.array_equal(found[0], decoder.logits(text[:60] + newcomer[:11])[-1])


def test_tokens_beyond_lookback_change_no_row() -> None:
    decoder = native_of(random_decoder(CONFIG))
    text, other = some_tokens(CONFIG, LOOKBACK + 10, 1), some_tokens(CONFIG, 10, 2)
    assert text[:10] != other
    there, there_too = (memory_rows(decoder, begin + text[10:]) for begin in (text[:10], other))
    assert there[-1] == there_too[-1]
    assert there[10] != there_too[10]


def test_zero_tables_equal_no_memory() -> None:
    """Rows of zeros add nothing: only the norm of the embedding remains."""
    decoder, other = random_decoder(CONFIG), random_decoder(CONFIG)
    for each, value in ((decoder, 0.0), (other, 1e-45)):  # too small for a scale
        assert each.memory is not None
        each.memory.tables.fill_(value)
    tokens = some_tokens(CONFIG, 40)
    found = native_of(decoder).logits(tokens)
    assert np.isfinite(found).all()
    assert np.array_equal(native_of(other).logits(tokens), found)


def test_huge_tables_do_not_overflow() -> None:
    """Rounding keeps powers of two."""
    usual, huge = random_decoder(CONFIG), random_decoder(CONFIG)
    assert usual.memory is not None
    assert huge.memory is not None
    usual.memory.tables.mul_(2.0**27)
    huge.memory.tables.mul_(2.0**127)
    huge.memory.mix.weight.mul_(2.0**-100)
    assert 1e38 < huge.memory.tables.abs().max() < torch.inf
    tokens = some_tokens(CONFIG, 40)
    assert np.array_equal(native_of(huge).logits(tokens), native_of(usual).logits(tokens))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("memory") / "tiny", config=tiny_memory())


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> LoadedModel[Backend]:
    return load_native(folder)


def options(**changes: object) -> Options:
    return Options(**{"sentence_limit": 60, "sentences": 2, **changes})  # type: ignore[arg-type]


def write(checkpoint: LoadedModel[Backend], rows: int, limit: int = 60) -> list[str]:
    """Six texts of one engine."""
    engine = Engine(checkpoint, rows)
    sequences = [
        compose(checkpoint, f"Frase {seed % 2}", options(seed=seed, sentence_limit=limit))
        for seed in range(6)
    ]
    for sequence in sequences:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    return [sequence.text for sequence in sequences]


def test_batch_changes_no_text(checkpoint: LoadedModel[Backend]) -> None:
    alone = write(checkpoint, 1)
    assert len(set(alone)) == len(alone)
    assert write(checkpoint, 4) == alone


def test_speculation_changes_no_text(checkpoint: LoadedModel[Backend]) -> None:
    alone = write(checkpoint, 1)
    good = make_drafts(np.array(ids("".join(alone)) * 5, np.uint8))
    bad = DraftTable(good.slots & ~np.uint32(0xFF00) | np.uint32(IDS["x"] << 8))
    for drafts in (good, bad):
        for rows in (1, 3):
            assert write(replace(checkpoint, drafts=drafts), rows) == alone


def test_batch_changes_no_text_beyond_context(checkpoint: LoadedModel[Backend]) -> None:
    alone = write(checkpoint, 1, limit=110)
    assert max(map(len, alone)) > checkpoint.decoder.config.context
    assert write(checkpoint, 3, limit=110) == alone


def test_memory_affects_logits(folder: Path, checkpoint: LoadedModel[Backend]) -> None:
    """Otherwise the tests above would prove little."""
    decoder = load_checkpoint(folder).decoder
    tokens = [0, *ids("En un lugar de la Mancha")]
    with torch.inference_mode():
        before = decoder(torch.tensor([tokens]))
        assert decoder.memory is not None
        decoder.memory.tables.zero_()
        assert (decoder(torch.tensor([tokens])) - before).std() > 0.1 * before.std()
