"""The GGUF file, read back with the library of llama.cpp's tools.

That llama.cpp runs it is in test_llama_cpp.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, TokenType

from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.errors import ExchangeError
from model.exchange.gguf import export_gguf
from tests.conftest import save_tiny, tiny_memory


def written(stored: StoredCheckpoint, folder: Path, precision: str = "f32") -> GGUFReader:
    path = folder / f"{stored.name}-{precision}.gguf"
    export_gguf(stored, path, precision)  # type: ignore[arg-type]
    return GGUFReader(path)


def value(reader: GGUFReader, name: str) -> object:
    field = reader.get_field(name)
    assert field is not None, name
    return field.contents()


def test_shape_is_qwen3(stored: StoredCheckpoint, tmp_path: Path) -> None:
    reader = written(stored, tmp_path)
    shape = {
        "general.architecture": "qwen3",
        "general.name": "small",
        "qwen3.block_count": 6,
        "qwen3.context_length": 528,
        "qwen3.embedding_length": 256,
        "qwen3.feed_forward_length": 704,
        "qwen3.attention.head_count": 4,
        "qwen3.attention.head_count_kv": 4,
        "qwen3.attention.key_length": 64,
        "qwen3.attention.value_length": 64,
        "qwen3.rope.dimension_count": 64,
        "qwen3.rope.freq_base": 10_000.0,
        "qwen3.vocab_size": 107,
    }
    assert {name: value(reader, name) for name in shape} == shape
    assert value(reader, "qwen3.attention.layer_norm_rms_epsilon") == pytest.approx(1e-6)


NAMES = {
    "token_embedding": "token_embd",
    "norm": "output_norm",
    "head": "output",
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.out": "attn_output",
    "attention.query_norm": "attn_q_norm",
    "attention.key_norm": "attn_k_norm",
    "feed_forward_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}


def their_name(ours: str) -> str:
    if ours.startswith("blocks."):
        _, layer, part = ours.removesuffix(".weight").split(".", 2)
        return f"blk.{layer}.{NAMES[part]}.weight"
    return f"{NAMES[ours.removesuffix('.weight')]}.weight"


@pytest.mark.parametrize(
    ("precision", "kind", "error"),
    [("f32", GGMLQuantizationType.F32, 0.0), ("f16", GGMLQuantizationType.F16, 1e-3),
     ("q8_0", GGMLQuantizationType.Q8_0, 1e-2)],
)  # fmt: skip
def test_weights_survive_round_trip(
    stored: StoredCheckpoint,
    tmp_path: Path,
    precision: str,
    kind: GGMLQuantizationType,
    error: float,
) -> None:
    reader = written(stored, tmp_path, precision)
    found = {tensor.name: tensor for tensor in reader.tensors}
    assert found.keys() == set(map(their_name, stored.weights))
    for name, weight in stored.weights.items():
        tensor = found[their_name(name)]
        assert tensor.tensor_type == (kind if weight.ndim == 2 else GGMLQuantizationType.F32)
        numbers = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(weight.shape)
        assert np.abs(numbers - weight).max() <= error * np.abs(weight).max()


def test_indivisible_rows_stay_half_precision(tmp_path: Path) -> None:
    stored = read_checkpoint(save_tiny(tmp_path / "tiny"))
    odd = replace(stored.config, feed_forward=48)
    cut = {
        name: weight[: shape[0], : shape[1]] if len(shape := odd.tensors()[name]) == 2 else weight
        for name, weight in stored.weights.items()
    }
    reader = written(replace(stored, config=odd, weights=cut), tmp_path, "q8_0")
    kinds = {tensor.name: tensor.tensor_type for tensor in reader.tensors}
    assert kinds["blk.0.ffn_up.weight"] == GGMLQuantizationType.Q8_0  # rows of 32
    assert kinds["blk.0.ffn_down.weight"] == GGMLQuantizationType.F16  # rows of 48


def test_vocabulary_is_characters(stored: StoredCheckpoint, tmp_path: Path) -> None:
    reader = written(stored, tmp_path)
    tokens = value(reader, "tokenizer.ggml.tokens")
    types = value(reader, "tokenizer.ggml.token_type")
    merges = value(reader, "tokenizer.ggml.merges")
    assert isinstance(tokens, list)
    assert isinstance(types, list)
    assert isinstance(merges, list)
    assert len(set(tokens)) == len(tokens) == len(types) == 107
    bytes_of = {letter: byte for byte, letter in gguf.vocab.bytes_to_unicode().items()}
    markers = stored.tokenizer.markers
    for id, (token, kind) in enumerate(zip(tokens, types, strict=True)):
        if id in markers:
            assert kind == TokenType.CONTROL
        else:
            assert kind == TokenType.NORMAL
            text = bytes(map(bytes_of.__getitem__, token)).decode("utf-8")
            assert text.replace("\n", " ") == stored.tokenizer.pieces[id]
    assert tokens[stored.tokenizer.style_id("galdos")] == "<|galdos|>"
    # One merge per join, shared ones once, none for a single byte.
    whole = {"".join(merge.split(" ")) for merge in merges}
    assert {token for token in tokens if len(token) == 2 and token[0] != "<"} <= whole
    assert len(whole) == len(merges)
    assert value(reader, "tokenizer.ggml.bos_token_id") == stored.tokenizer.start
    assert value(reader, "tokenizer.ggml.eos_token_id") == stored.tokenizer.start


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (DecoderConfig("reference", 20, 16, 8, 1, 2, 16), "no_equivalent"),
        (tiny_memory(), "with_memory"),
    ],
    ids=["published family", "memory"],
)
def test_unsupported_decoder_is_refused_without_file(
    stored: StoredCheckpoint, tmp_path: Path, config: DecoderConfig, code: str
) -> None:
    with pytest.raises(ExchangeError) as refused:
        export_gguf(replace(stored, config=config), tmp_path / "out.gguf")
    assert refused.value.code == code
    assert not list(tmp_path.iterdir())
