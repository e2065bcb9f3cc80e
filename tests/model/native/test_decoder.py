"""The kernel equals PyTorch, with the same bits for any batch, threads or instruction set."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from model.checkpoint.config import DecoderConfig
from model.engine.sequence import context_window
from model.native.decoder import NativeDecoder
from model.native.library import instruction_sets, load
from model.pytorch.decoder import Decoder
from model.pytorch.sampling import sample
from tests.model.natives import (
    native_of,
    remembering,
    round_layers,
    rounded_logits,
    session_of,
    some_tokens,
    threads,
)
from tests.model.pytorch.test_decoder import random_decoder

pytestmark = pytest.mark.skipif(load() is None, reason="the kernel was not built")

CONTEXT = 40
CONFIGS = {
    "modern": DecoderConfig("modern", 40, CONTEXT, 48, 3, 4, 80),
    "modern, odd widths": DecoderConfig("modern", 37, CONTEXT, 42, 2, 3, 37),
    "modern, wide heads": DecoderConfig("modern", 113, CONTEXT, 128, 2, 2, 352),
    "modern, one head": DecoderConfig("modern", 3, CONTEXT, 2, 1, 1, 1, final_norm=False),
    "reference": DecoderConfig("reference", 40, CONTEXT, 48, 3, 4, 96),
    "reference as published": DecoderConfig(
        "reference", 115, CONTEXT, 64, 2, 8, 256, scale_by_width=True, final_norm=False
    ),
    "reference, odd widths": DecoderConfig("reference", 19, CONTEXT, 30, 2, 5, 33),
    "memory": remembering(DecoderConfig("modern", 40, CONTEXT, 48, 3, 4, 80), (1, 2, 3), (1, 2)),
    "memory, odd widths": remembering(
        DecoderConfig("modern", 37, CONTEXT, 42, 2, 3, 37), (3, 16), (1, 4), rows=50, width=7
    ),
    "memory, wide rows": remembering(
        DecoderConfig("modern", 40, CONTEXT, 48, 1, 4, 80), (2, 5), (3,), rows=7, width=133
    ),
    "memory, one number": remembering(
        DecoderConfig("modern", 40, CONTEXT, 48, 1, 4, 80), (), (2,), rows=1, width=1
    ),
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
KINDS = ("modern", "reference", "memory")
each_kind = pytest.mark.parametrize("config", [CONFIGS[kind] for kind in KINDS], ids=KINDS)


@each_config
def test_logits_equal_rounded_pytorch(config: DecoderConfig) -> None:
    decoder = random_decoder(config)
    native = native_of(decoder)
    round_layers(decoder)
    tokens = some_tokens(config, CONTEXT)
    expected, found = rounded_logits(decoder, tokens), native.logits(tokens)
    distance = np.abs(found - expected).max(-1) / expected.std()
    # A number halfway between two 8-bit values is rounded by the last bit of a sum, and later
    # logits depend on it; until then the logits are the same.
    assert np.quantile(distance, 0.1) < 1e-5
    assert distance.max() < 0.1


@each_config
@pytest.mark.parametrize("instructions", instruction_sets())
def test_instruction_sets_are_bit_identical(config: DecoderConfig, instructions: str) -> None:
    decoder = random_decoder(config)
    tokens = some_tokens(config, CONTEXT)
    expected = native_of(decoder, "plain").logits(tokens)
    assert np.array_equal(native_of(decoder, instructions).logits(tokens), expected)


@each_config
def test_reading_at_once_or_token_by_token_is_bit_identical(config: DecoderConfig) -> None:
    decoder = native_of(random_decoder(config))
    tokens = some_tokens(config, CONTEXT)
    at_once = decoder.logits(tokens)
    session = session_of(decoder, 3)
    found = np.empty((1, config.vocabulary), np.float32)
    for position, token in enumerate(tokens):
        session.extend([2], [token], [position], logits=found)
        assert np.array_equal(found[0], at_once[position])


@each_kind
def test_full_context_slides(config: DecoderConfig) -> None:
    decoder = native_of(random_decoder(config))
    session = session_of(decoder, 1)
    text = some_tokens(config, 2 * CONTEXT + 5)
    found = np.empty((1, config.vocabulary), np.float32)
    held = 0
    for length in range(1, len(text) + 1):
        tokens = context_window(text[:length], CONTEXT)
        if held != len(tokens) - 1:
            session.prefill(0, tokens[:-1])
        session.extend([0], tokens[-1:], [len(tokens) - 1], logits=found)
        held = len(tokens)
        assert np.array_equal(found[0], decoder.logits(tokens)[-1])


@each_kind
@pytest.mark.parametrize("together", [1, 2, 3, 7, 8, 9, 16, 63, 64, 65])
def test_logits_do_not_depend_on_batch(config: DecoderConfig, together: int) -> None:
    decoder = native_of(random_decoder(config))
    session = session_of(decoder, together)
    texts = [some_tokens(config, 1 + 7 * row % CONTEXT, seed=row) for row in range(together)]
    for row, text in enumerate(texts):
        session.prefill(row, some_tokens(config, CONTEXT, seed=99))  # stale content
        if len(text) > 1:
            session.prefill(row, text[:-1])
    found = np.empty((together, config.vocabulary), np.float32)
    last, positions = [text[-1] for text in texts], [len(text) - 1 for text in texts]
    session.extend(range(together), last, positions, logits=found)
    for text, logits in zip(texts, found, strict=True):
        assert np.array_equal(logits, decoder.logits(text)[-1])


@each_kind
def test_step_reads_several_columns_of_several_texts(config: DecoderConfig) -> None:
    """As in the verification of speculative tokens."""
    decoder = native_of(random_decoder(config))
    session = session_of(decoder, 2)
    first, second = some_tokens(config, 12, seed=1), some_tokens(config, 9, seed=2)
    session.prefill(0, first[:8])
    session.prefill(1, second[:4])
    found = np.empty((9, config.vocabulary), np.float32)
    rows = [0] * 4 + [1] * 5
    session.extend(rows, first[8:] + second[4:], [*range(8, 12), *range(4, 9)], logits=found)
    assert np.array_equal(found[:4], decoder.logits(first)[8:])
    assert np.array_equal(found[4:], decoder.logits(second)[4:])


@each_kind
def test_thread_count_changes_no_bit(config: DecoderConfig) -> None:
    decoder = native_of(random_decoder(config))
    tokens = some_tokens(config, CONTEXT)
    expected = decoder.logits(tokens)
    with threads(2):
        for _ in range(20):
            assert np.array_equal(decoder.logits(tokens), expected)


def test_caller_computes_alone_if_pool_is_busy() -> None:
    config = CONFIGS["modern, wide heads"]
    decoder = native_of(random_decoder(config))
    tokens = some_tokens(config, CONTEXT)
    expected = decoder.logits(tokens)

    def compute(_: int) -> bool:
        return all(np.array_equal(decoder.logits(tokens), expected) for _ in range(20))

    with threads(2), ThreadPoolExecutor(3) as callers:
        assert all(callers.map(compute, range(3)))


def test_idle_threads_use_no_cpu_time() -> None:
    config = CONFIGS["modern"]
    with threads(2):
        native_of(random_decoder(config)).logits(some_tokens(config, CONTEXT))
        time.sleep(0.2)  # they spin for a moment, then sleep
        begun = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - begun < 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_process_computes_without_pool() -> None:
    config = CONFIGS["modern"]
    decoder = native_of(random_decoder(config))
    tokens = some_tokens(config, CONTEXT)
    expected = decoder.logits(tokens)
    with threads(2):
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(decoder.logits(tokens), expected) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(decoder.logits(tokens), expected)


@pytest.mark.parametrize("temperature", [0.0, 0.0005, 0.3, 0.8, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.95, 1.0])
def test_samples_equal_pytorch(temperature: float, top_p: float) -> None:
    config = CONFIGS["reference as published"]
    decoder = native_of(random_decoder(config))
    random = np.random.default_rng(3)
    masks = np.where(random.random((3, config.vocabulary)) < 0.5, -np.inf, 0).astype(np.float32)
    rows = 16
    session = decoder.session(rows, masks)
    logits = np.empty((rows, config.vocabulary), np.float32)
    session.extend(range(rows), some_tokens(config, rows), [0] * rows, logits=logits)
    for _ in range(20):
        chosen = random.integers(len(masks), size=rows)
        uniforms = random.random(rows, np.float32)
        found, likelihoods = session.sample(
            range(rows), chosen.tolist(), [temperature] * rows, [top_p] * rows, uniforms.tolist()
        )
        expected, likely = sample(
            torch.from_numpy(logits + masks[chosen]),
            torch.full((rows,), temperature),
            torch.full((rows,), top_p),
            torch.from_numpy(uniforms),
        )
        assert found == expected.tolist()
        assert likelihoods == pytest.approx(likely.tolist(), abs=1e-4)


@pytest.mark.parametrize("kind", CONFIGS)
def test_forked_slot_continues_like_source(kind: str) -> None:
    config = CONFIGS[kind]
    session = session_of(native_of(random_decoder(config)), 3)
    tokens = some_tokens(config, CONTEXT)
    for length in (1, 15, CONTEXT // 2, CONTEXT - 1):
        session.prefill(2, some_tokens(config, CONTEXT)[::-1])  # what the row held before
        session.prefill(0, tokens[:length])
        assert session.fork(0, 2, length)
        found = np.empty((2, config.vocabulary), np.float32)
        for at in range(length, min(length + 3, CONTEXT)):
            session.extend([0, 2], [tokens[at]] * 2, [at] * 2, logits=found)
            assert np.array_equal(*found)


def test_indices_out_of_range_are_refused() -> None:
    config = CONFIGS["modern"]
    session = session_of(native_of(random_decoder(config)), 2)
    for rows, tokens, positions in (
        ([2], [0], [0]),
        ([-1], [0], [0]),
        ([0], [config.vocabulary], [0]),
        ([0], [-1], [0]),
        ([0], [0], [CONTEXT]),
    ):
        with pytest.raises(IndexError):
            session.extend(rows, tokens, positions)
    for row, mask in ((2, 0), (0, 1), (0, -1)):
        with pytest.raises(IndexError):
            session.sample([row], [mask], [1.0], [1.0], [0.5])
    with pytest.raises(IndexError):
        session.prefill(0, [0] * (CONTEXT + 1))
    for source, row, length in ((2, 0, 1), (0, 2, 1), (-1, 0, 1), (0, 1, CONTEXT + 1), (0, 1, -1)):
        with pytest.raises(IndexError):
            session.fork(source, row, length)


def test_masks_of_another_vocabulary_are_refused() -> None:
    decoder = native_of(random_decoder(CONFIGS["modern"]))
    with pytest.raises(ValueError, match="expected"):
        decoder.session(1, np.zeros((1, 3), np.float32))


def test_unknown_instructions_are_refused() -> None:
    decoder = random_decoder(CONFIGS["modern"])
    with pytest.raises(ValueError, match="mmx"):
        native_of(decoder, "mmx")


@each_kind
def test_decoder_describes_itself(config: DecoderConfig) -> None:
    decoder = Decoder(config)
    native: NativeDecoder = native_of(decoder)
    assert native.parameter_count == decoder.parameter_count
    assert (native.engine, native.device) == ("native", "cpu")
    shapes = {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()}
    assert shapes == config.tensors()
