"""Export to GGUF: one file for llama.cpp, including the tokenizer (architecture `qwen3`).

llama.cpp has no character tokenizer, but its byte-level BPE acts as one if the only merges join the
bytes of a character. Two differences from `model.text.tokenizer`: text is not normalised
(characters without a token are dropped), and the separator between sentences is a line feed, in
input and output.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.arrays import Floats
from model.checkpoint.checkpoint import StoredCheckpoint
from model.exchange.qwen3 import RMS_EPSILON, Precision, qwen3_weights, token_names
from model.files import replacing
from model.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gguf import GGUFWriter

_BLOCK = 32  # weights that share a scale in Q8_0


def export_gguf(checkpoint: StoredCheckpoint, path: Path, precision: Precision = "f32") -> None:
    """Write the file atomically.

    Vectors stay float32, as llama.cpp requires. `q8_0` stores matrices in blocks of 32 with a scale
    each, or as float16 if their rows do not divide into such blocks.
    Raises ExchangeError for a decoder that is no `Qwen3ForCausalLM`, ModuleNotFoundError without
    the extra `export`.
    """
    weights = qwen3_weights(checkpoint)

    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGUFWriter, get_tensor_name_map

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        writer = GGUFWriter(temporary, MODEL_ARCH_NAMES[MODEL_ARCH.QWEN3])
        _add_shape(writer, checkpoint, precision)
        _add_tokenizer(writer, checkpoint.tokenizer)
        names = get_tensor_name_map(MODEL_ARCH.QWEN3, checkpoint.config.layers).mapping
        for name, weight in weights.items():
            _, known = names[name.removesuffix(".weight")]
            _add_tensor(writer, f"{known}.weight", weight, precision)
        writer.write_header_to_file(temporary)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _add_shape(writer: GGUFWriter, checkpoint: StoredCheckpoint, precision: Precision) -> None:
    from gguf import GGML_QUANT_VERSION, LlamaFileType

    config = checkpoint.config
    types = {
        "f32": LlamaFileType.ALL_F32,
        "f16": LlamaFileType.MOSTLY_F16,
        "q8_0": LlamaFileType.MOSTLY_Q8_0,
    }
    writer.add_type("model")
    writer.add_name(checkpoint.name)
    writer.add_description(f"LitteraGPT {checkpoint.name} ({checkpoint.id})")
    writer.add_languages(["es"])
    writer.add_file_type(types[precision])
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_vocab_size(config.vocabulary)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.feed_forward)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.heads)
    writer.add_key_length(config.head_width)
    writer.add_value_length(config.head_width)
    writer.add_layer_norm_rms_eps(RMS_EPSILON)
    writer.add_rope_dimension_count(config.head_width)
    writer.add_rope_freq_base(config.rope_theta)


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer) -> None:
    from gguf import TokenType
    from gguf.vocab import bytes_to_unicode

    printable = bytes_to_unicode()
    tokens, types, merges = [], [], []
    for id, name in enumerate(token_names(tokenizer)):
        if id in tokenizer.markers:
            tokens.append(name)
            types.append(TokenType.CONTROL)
            continue
        letters = "".join(printable[byte] for byte in name.encode("utf-8"))
        tokens.append(letters)
        types.append(TokenType.NORMAL)
        merges += [f"{letters[:end]} {letters[end]}" for end in range(1, len(letters))]
    writer.add_tokenizer_model("gpt2")
    # The rule that pre-splits text into words does not matter for characters; this is Qwen3's.
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(list(dict.fromkeys(merges)))
    writer.add_add_bos_token(True)
    writer.add_bos_token_id(tokenizer.start)
    # The start token, which never occurs inside a text, doubles as its end. Without an end token
    # llama.cpp would use a letter.
    writer.add_eos_token_id(tokenizer.start)


def _add_tensor(writer: GGUFWriter, name: str, weight: Floats, precision: Precision) -> None:
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    if precision == "f32" or weight.ndim == 1:
        writer.add_tensor(name, weight)
        return
    if precision == "q8_0" and weight.shape[1] % _BLOCK == 0:
        kind = GGMLQuantizationType.Q8_0
        writer.add_tensor(name, quantize(weight, kind), raw_dtype=kind)
        return
    writer.add_tensor(name, weight.astype(np.float16))
