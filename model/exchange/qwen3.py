"""A `modern` decoder as `Qwen3ForCausalLM`, which other engines support.

https://huggingface.co/docs/transformers/model_doc/qwen3
"""

from __future__ import annotations

from typing import Any, Literal

from model.arrays import Floats
from model.checkpoint.checkpoint import StoredCheckpoint
from model.checkpoint.config import DecoderConfig
from model.errors import ExchangeError
from model.text.tokenizer import Tokenizer

Precision = Literal["f32", "f16", "q8_0"]
RMS_EPSILON = 1e-6

_PARTS = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.out": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
_ENDS = {"token_embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}


def qwen3_weights(checkpoint: StoredCheckpoint) -> dict[str, Floats]:
    """The weights by their names in `Qwen3ForCausalLM`, float32, in a fixed order.

    Raises ExchangeError for a decoder without an equivalent: `reference` has learned positions,
    biases, no norm before the head and no start token; the n-gram memory is ours alone.
    """
    config = checkpoint.config
    standard = config.family == "modern" and config.final_norm and not config.scale_by_width
    if not (standard and checkpoint.tokenizer.marked):
        raise ExchangeError("no_equivalent", name=checkpoint.name, family=config.family)
    if config.memory is not None:
        raise ExchangeError("with_memory", name=checkpoint.name)
    return {_name(name): checkpoint.weights[name] for name in config.tensors()}


def _name(ours: str) -> str:
    """`blocks.3.attention.query.weight` → `model.layers.3.self_attn.q_proj.weight`."""
    stem, _, kind = ours.rpartition(".")
    if stem in _ENDS:
        return f"{_ENDS[stem]}.{kind}"
    _, layer, part = stem.split(".", 2)
    return f"model.layers.{layer}.{_PARTS[part]}.{kind}"


def qwen3_config(
    config: DecoderConfig, tokenizer: Tokenizer, precision: Precision
) -> dict[str, Any]:
    """The content of `config.json`."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": config.vocabulary,
        "max_position_embeddings": config.context,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.heads,
        "head_dim": config.head_width,
        "intermediate_size": config.feed_forward,
        "hidden_act": "silu",
        "rms_norm_eps": RMS_EPSILON,
        "rope_theta": config.rope_theta,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "bos_token_id": tokenizer.start,
        "eos_token_id": None,
        "dtype": {"f32": "float32", "f16": "float16"}[precision],
    }


def token_names(tokenizer: Tokenizer) -> list[str]:
    """A unique text per id: a line feed for the separator, since texts have none, and names between
    bars for ids without text."""
    return [_mark("inicio"), "\n", *map(_mark, tokenizer.styles), *tokenizer.characters]


def _mark(name: str) -> str:
    return f"<|{name}|>"
