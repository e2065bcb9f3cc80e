"""Export to a folder for `transformers`: `AutoModelForCausalLM`, `AutoTokenizer`, offline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from model.checkpoint.checkpoint import StoredCheckpoint
from model.checkpoint.filenames import CARD, CONFIG, TOKENIZER, WEIGHTS
from model.errors import ExchangeError
from model.exchange.qwen3 import Precision, qwen3_config, qwen3_weights, token_names
from model.files import replacing, write_json, write_text
from model.printable import escape_controls
from model.text.prompt import Options

_CURVES = "losses.png"


def export_hf(checkpoint: StoredCheckpoint, folder: Path, precision: Precision = "f32") -> None:
    """Write weights, shape, tokenizer, generation defaults and model card into `folder`.

    The weights come last, so a folder that has them is complete.
    Raises ExchangeError for a decoder that is no `Qwen3ForCausalLM` and for q8_0, which only GGUF
    has; ModuleNotFoundError without the extra `export`.
    """
    if precision == "q8_0":
        raise ExchangeError("precision_of_hf", value=precision)
    weights = qwen3_weights(checkpoint)

    from model.exchange.hf_tokenizer import hf_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).unlink(missing_ok=True)
    with replacing(folder / TOKENIZER) as temporary:
        hf_tokenizer(checkpoint.tokenizer).save(str(temporary))
    write_json(folder / CONFIG, qwen3_config(checkpoint.config, checkpoint.tokenizer, precision))
    write_json(folder / "tokenizer_config.json", _tokenizer_config(checkpoint))
    write_json(folder / "generation_config.json", _generation_config(checkpoint))
    write_text(folder / CARD, escape_controls(_card(checkpoint)))
    if (curves := checkpoint.path / _CURVES).is_file():
        shutil.copyfile(curves, folder / _CURVES)
    dtype = np.float16 if precision == "f16" else np.float32
    with replacing(folder / WEIGHTS) as temporary:
        stored = {name: weight.astype(dtype) for name, weight in weights.items()}
        save_file(stored, temporary, metadata={"format": "pt"})


def _tokenizer_config(checkpoint: StoredCheckpoint) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": token_names(checkpoint.tokenizer)[checkpoint.tokenizer.start],
        "clean_up_tokenization_spaces": False,
        "model_max_length": checkpoint.config.context,
    }


def _generation_config(checkpoint: StoredCheckpoint) -> dict[str, Any]:
    """This program's generation defaults; ids that never occur in a text are suppressed."""
    usual = Options()
    return {
        "bos_token_id": checkpoint.tokenizer.start,
        "do_sample": True,
        "temperature": usual.temperature,
        "top_p": usual.top_p,
        "suppress_tokens": list(checkpoint.tokenizer.markers),
    }


def _card(checkpoint: StoredCheckpoint) -> str:
    """Instructions for `transformers`, followed by the checkpoint's own card."""
    try:
        own = (checkpoint.path / CARD).read_text("utf-8")
    except OSError:
        own = f"# {checkpoint.name}\n"
    heading, _, rest = own.partition("\n")
    styles = ", ".join(f"`<|{style}|>`" for style in checkpoint.tokenizer.styles) or "none"
    return f"""---
language: es
library_name: transformers
pipeline_tag: text-generation
---
{heading}

A LitteraGPT checkpoint (`{checkpoint.id}`), exported for `transformers`:

    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained("this folder")
    model = AutoModelForCausalLM.from_pretrained("this folder")
    phrase = tokenizer("En un lugar de la Mancha", return_tensors="pt")
    text = model.generate(**phrase, max_new_tokens=300)[0]
    print(tokenizer.decode(text, skip_special_tokens=True))

One token is one character; it reads up to {checkpoint.config.context} of them. Between two
sentences stands a separator (token {checkpoint.tokenizer.separator}), read and written as a space.
The mark of a style in front of the text takes the place of the start token, as in
`tokenizer("<|style|>Era una noche", add_special_tokens=False)`. Marks: {styles}.
{rest}"""
