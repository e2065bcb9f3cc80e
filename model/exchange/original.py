"""Import of the published LitteraGPT (0.1.0) as a checkpoint of the family `reference`.

Its file is the module itself, pickled by `torch.save`: 48 attention heads with three matrices each,
a causal mask in every head, and a final LayerNorm that its code builds and never calls. Attention
scores are divided by the root of the whole width. The import keeps both, so logits are the same.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from model.arrays import Floats
from model.checkpoint.checkpoint import writing_checkpoint
from model.checkpoint.config import DecoderConfig
from model.errors import CheckpointError, ExchangeError
from model.exchange.pickled import Instance, Kind
from model.exchange.torch_file import StoredTensor, TorchFile
from model.files import read_json_object
from model.printable import escape_controls
from model.text.tokenizer import Tokenizer

# The module of these classes depends on how the model was trained, for example in a notebook.
_ITS_CLASSES = "BigramLanguageModel Block MultiHeadAttention Head FeedForward".split()
_TORCH_CLASSES = """
    activation.ReLU container.ModuleList container.Sequential dropout.Dropout linear.Linear
    normalization.LayerNorm sparse.Embedding
""".split()
_CLASSES = {
    **{name: Kind(name) for name in _ITS_CLASSES},
    **{f"torch.nn.modules.{name}": Kind(name.partition(".")[2]) for name in _TORCH_CLASSES},
}
_DEPTH_LIMIT = 8
# The largest decoder that DecoderConfig allows needs half of these.
_ENTRY_LIMIT = 2**16
_NAME_LIMIT = 64  # characters

_ENDS = {
    "token_embedding.weight": "token_embedding_table.weight",
    "position_embedding.weight": "position_embedding_table.weight",
    "norm.weight": "layer_norm_final.weight",
    "norm.bias": "layer_norm_final.bias",
    "head.weight": "lm_head.weight",
    "head.bias": "lm_head.bias",
}
_PARTS = {
    "attention_norm": "layer_norm1",
    "feed_forward_norm": "layer_norm2",
    "attention.out": "sa.proj",
    "feed_forward.up": "ffwd.net.0",
    "feed_forward.down": "ffwd.net.2",
}
_HEAD_PARTS = {"attention.query": "query", "attention.key": "key", "attention.value": "value"}


@dataclass(frozen=True)
class _Original:
    """The tensors and modules of the file, by dotted name."""

    tensors: dict[str, StoredTensor]
    modules: dict[str, Instance]


def import_original(path: Path, folder: Path, token_map: Path | None = None) -> DecoderConfig:
    """Write the file's weights, as float32, to the checkpoint `folder`.

    token_map: a JSON object character → id; required unless the module contains such a map.
    Raises ExchangeError and CheckpointError before anything is written.
    """
    with TorchFile(path) as file:
        original = _read_module(path, file.read_object(_CLASSES))
        config = _config(path, original)
        if not file.holds(sum(math.prod(shape) for shape in config.tensors().values())):
            raise ExchangeError("damaged", file=str(path))
        tokenizer = _tokenizer(path, token_map, original, config.vocabulary)
        sources = {name: _sources(name, config) for name in config.tensors()}
        if original.tensors.keys() != set().union(*sources.values()):
            raise ExchangeError("not_original", file=str(path))
        weights = {
            name: _weight(path, file, [original.tensors[source] for source in sources[name]], shape)
            for name, shape in config.tensors().items()
        }
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    metrics = {
        "preset": "original",
        "source": {"file": path.name, "sha256": digest},
        "parameters": sum(weight.size for weight in weights.values()),
        "dev_loss": None,
    }
    card = escape_controls(_card(folder.resolve().name, config, path.name, digest))
    with writing_checkpoint(folder, config, tokenizer, metrics, card) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    return config


def _read_module(path: Path, root: object) -> _Original:
    """All modules below the root and their parameters; masks and other buffers are ignored."""
    if not isinstance(root, Instance) or root.kind != _ITS_CLASSES[0]:
        raise ExchangeError("not_original", file=str(path))
    modules: dict[str, Instance] = {}
    tensors: dict[str, StoredTensor] = {}
    waiting, seen, entries = [("", root)], {id(root)}, 0
    while waiting:
        name, module = waiting.pop()
        modules[name] = module
        for own, value in _entries(module):
            entries += 1
            if not isinstance(own, str) or len(own) > _NAME_LIMIT or entries > _ENTRY_LIMIT:
                raise ExchangeError("not_original", file=str(path))
            place = f"{name}.{own}".lstrip(".")
            if isinstance(value, StoredTensor):
                tensors[place] = value
            elif isinstance(value, Instance):
                # A shared module could double at every level, and a cycle would never end. The
                # published model has neither.
                if id(value) in seen or name.count(".") == _DEPTH_LIMIT:
                    raise ExchangeError("not_original", file=str(path))
                seen.add(id(value))
                waiting.append((place, value))
    return _Original(tensors, modules)


def _entries(module: Instance) -> Iterator[tuple[object, object]]:
    """The named modules and parameters of a module, or values in their place.

    Modules may share these dictionaries, so the caller must limit the number of entries.
    """
    for attribute in ("_modules", "_parameters"):
        held = module.state.get(attribute)
        if isinstance(held, dict):
            yield from held.items()


def _config(path: Path, original: _Original) -> DecoderConfig:
    """The shape, derived from the tensors."""
    vocabulary, width = _matrix(path, original, _ENDS["token_embedding.weight"])
    context, _ = _matrix(path, original, _ENDS["position_embedding.weight"])
    feed_forward, _ = _matrix(path, original, "blocks.0.ffwd.net.0.weight")
    dropout = original.modules.get("blocks.0.ffwd.net.3", Instance("")).state.get("p")
    try:
        return DecoderConfig(
            "reference",
            vocabulary,
            context,
            width,
            layers=_count(original, "blocks.{}"),
            heads=_count(original, "blocks.0.sa.heads.{}"),
            feed_forward=feed_forward,
            dropout=dropout if isinstance(dropout, float) else 0.0,
            scale_by_width=True,
            final_norm=False,
        )
    except ValueError:
        raise ExchangeError("not_original", file=str(path)) from None


def _matrix(path: Path, original: _Original, name: str) -> tuple[int, int]:
    tensor = original.tensors.get(name)
    if tensor is None or len(tensor.shape) != 2:
        raise ExchangeError("not_original", file=str(path))
    return tensor.shape[0], tensor.shape[1]


def _count(original: _Original, name: str) -> int:
    """The number of modules with this name, numbered from 0."""
    count = 0
    while name.format(count) in original.modules:
        count += 1
    return count


def _sources(name: str, config: DecoderConfig) -> list[str]:
    """The original's tensors that are stacked into ours."""
    if name in _ENDS:
        return [_ENDS[name]]
    _, layer, inside = name.split(".", 2)
    part, _, kind = inside.rpartition(".")
    if part in _HEAD_PARTS:
        heads = f"blocks.{layer}.sa.heads"
        return [f"{heads}.{head}.{_HEAD_PARTS[part]}.weight" for head in range(config.heads)]
    return [f"blocks.{layer}.{_PARTS[part]}.{kind}"]


def _weight(
    path: Path, file: TorchFile, tensors: list[StoredTensor], shape: tuple[int, ...]
) -> Floats:
    """The tensors, which must have equal shapes, stacked to one of this shape."""
    share = (shape[0] // len(tensors), *shape[1:])
    parts = []
    for tensor in tensors:
        if tensor.shape != share:
            raise ExchangeError("not_original", file=str(path))
        part = file.array(tensor)
        if part is None or not np.isfinite(part).all():
            raise ExchangeError("not_numbers", file=str(path))
        parts.append(part)
    return np.concatenate(parts)


def _tokenizer(path: Path, token_map: Path | None, original: _Original, size: int) -> Tokenizer:
    """The vocabulary of the map, in order of ids."""
    if token_map is not None:
        if not token_map.is_file():
            reason = os.strerror(errno.ENOENT)
            raise CheckpointError("unreadable", file=str(token_map), reason=reason)
        named, found = token_map, _characters(read_json_object(token_map))
    else:
        held = original.modules[""].state.values()
        # Check each dictionary once, even if it occurs a thousand times.
        fitting = {id(each): each for each in held if isinstance(each, dict) and len(each) == size}
        found = next(filter(None, map(_characters, fitting.values())), None)
        named = path
        if found is None:
            raise ExchangeError("no_vocabulary", file=str(path))
    if found is None:
        raise ExchangeError("not_vocabulary", file=str(named))
    if len(found) != size:
        raise ExchangeError("other_vocabulary", file=str(named), found=len(found), expected=size)
    return Tokenizer((), found, marked=False)


def _characters(token_map: object) -> str | None:
    """The characters of a map character → id, in order of ids; None for anything else."""
    if not isinstance(token_map, dict) or not {" ", "."} <= token_map.keys():
        return None
    whole = all(isinstance(each, str) and len(each) == 1 for each in token_map)
    if not whole or {type(id) for id in token_map.values()} != {int}:
        return None
    by_id = {id: character for character, id in token_map.items()}
    if sorted(by_id) != list(range(len(token_map))):
        return None
    characters = "".join(by_id[id] for id in range(len(by_id)))
    return characters if characters.isprintable() else None  # as a Tokenizer requires


def _card(name: str, config: DecoderConfig, file: str, digest: str) -> str:
    return f"""# {name}

A character-level decoder of Spanish prose, imported from `{file}`, a checkpoint of LitteraGPT 0.1.0
by Sergio Tejedor Moreno. SHA-256 of that file:
`{digest}`

`reference` family: {config.layers} layers, {config.width} wide, {config.heads} heads, feed-forward
{config.feed_forward}, context {config.context}, vocabulary {config.vocabulary}.

As in the published code, attention scores are divided by the root of the width, and the final
LayerNorm is stored and not used. The vocabulary has no start token and no separator: a space opens
a text, and a space behind the end of a sentence is where the next one begins.
"""
