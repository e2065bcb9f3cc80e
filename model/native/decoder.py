"""The backend for a CPU without torch: the C kernel, with 8-bit weights.

Logits differ from those of `model.pytorch.decoder` only by the rounding of weights, activations,
keys and values to 8 bits. They depend on the tokens alone, not on the batch, the number of threads
or the instruction set.
"""

from __future__ import annotations

import math
import weakref
from array import array
from collections.abc import Mapping, Sequence
from ctypes import CDLL, byref
from pathlib import Path
from typing import Literal

import numpy as np

from model.arrays import Floats, Integers
from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.memory_keys import MemoryConfig
from model.engine.backend import Sampled
from model.engine.loaded_model import LoadedModel, with_decoder
from model.native.library import LayerWeights, Shape, Weights, instruction_sets, load
from model.text.automaton import Automaton

# How many columns the kernel reads together, as in model.h; more speculative tokens do not pay.
COLUMNS = 64


class NativeDecoder:
    """A decoder on this processor; see model.engine.backend.Backend.

    weights: every tensor of `config.tensors()`, float32, copied.
    instructions: one of `library.instruction_sets()`, the best by default.
    Raises ValueError for an unknown instruction set, RuntimeError without the kernel, MemoryError.
    """

    engine: Literal["native"] = "native"
    device: Literal["cpu"] = "cpu"

    def __init__(
        self, config: DecoderConfig, weights: Mapping[str, Floats], instructions: str | None = None
    ) -> None:
        self.config = config
        self.parameter_count = sum(math.prod(shape) for shape in config.tensors().values())
        self.library = _library()
        known = instruction_sets()
        if instructions is not None and instructions not in known:
            raise ValueError(f"no instructions {instructions!r} here, only {', '.join(known)}")
        self.handle = _new_model(self.library, config, weights, instructions or known[0])
        weakref.finalize(self, self.library.lg_model_free, self.handle)

    def session(
        self,
        slots: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> NativeSession:
        """See model.engine.backend.Backend."""
        return NativeSession(self, slots, masks, drafts)

    def logits(self, tokens: Sequence[int]) -> Floats:
        """Logits (T, V) after each of T tokens, at most `context`."""
        session = self.session(1, np.zeros((1, self.config.vocabulary), np.float32))
        found = np.empty((len(tokens), self.config.vocabulary), np.float32)
        session.extend([0] * len(tokens), tokens, range(len(tokens)), logits=found)
        return found


class NativeSession:
    """An 8-bit KV cache and the logits after each sequence; see model.engine.backend.Session."""

    def __init__(
        self, decoder: NativeDecoder, slots: int, masks: Floats, drafts: DraftTable | None
    ) -> None:
        self._decoder, self._drafts = decoder, drafts  # must outlive this session
        self.exact, self.spare = True, 0 if drafts is None else COLUMNS
        library = self._library = decoder.library
        masks = np.ascontiguousarray(masks, np.float32)
        if masks.shape[1:] != (decoder.config.vocabulary,):
            raise ValueError(f"masks are {masks.shape}, expected (M, {decoder.config.vocabulary})")
        self._handle = library.lg_session_new(
            decoder.handle, slots, self.spare, masks.ctypes.data, len(masks)
        )
        if not self._handle:
            raise MemoryError(f"no memory for a KV cache of {slots} slots")
        weakref.finalize(self, library.lg_session_free, self._handle)

    def prefill(self, slot: int, tokens: Sequence[int], held: int = 0) -> None:
        """See model.engine.backend.Session."""
        self.extend([slot] * (len(tokens) - held), tokens[held:], range(held, len(tokens)))

    def decode(
        self,
        slots: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """See model.engine.backend.Session."""
        self.extend(slots, tokens, positions, places)

    def extend(
        self,
        slots: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int] | None = None,
        logits: Floats | None = None,
    ) -> None:
        """Read tokens of any sequences; those of a slot are adjacent and in order.

        places: where to keep the logits after each token; by default its slot's place.
        logits: an array (T, V) that receives the logits after every token.
        Raises IndexError for a token, slot, position or place out of range.
        """
        numbers = [array("i", values) for values in (tokens, slots, positions, places or slots)]
        addresses = [values.buffer_info()[0] for values in numbers]
        target = None if logits is None else logits.ctypes.data
        if self._library.lg_extend(self._handle, len(slots), *addresses, target) != 0:
            raise IndexError("no such token, slot, position or place")

    def fork(self, source: int, target: int, length: int) -> bool:
        """See model.engine.backend.Session. Raises IndexError for a slot or length out of range."""
        if self._library.lg_fork(self._handle, source, target, length) != 0:
            raise IndexError("no such slot, or fewer tokens in a slot")
        return True

    def speculate(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
        """See model.engine.backend.Session."""
        if self._drafts is None:
            return []
        recent, numbers = array("i", tokens), array("f", uniforms)
        count, most = len(recent), len(numbers)
        recent.extend([0] * most)
        drafted = self._library.lg_draft(
            self._drafts.slots.ctypes.data,
            self._drafts.bits,
            recent.buffer_info()[0],
            count,
            numbers.buffer_info()[0],
            most,
        )
        return recent[count : count + drafted].tolist()

    def sample(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> Sampled:
        """See model.engine.backend.Session. Raises IndexError for a place or mask out of range."""
        sampled, likelihoods = array("i", places), array("f", uniforms)
        whole = [array("i", values) for values in (places, masks)]
        real = [array("f", values) for values in (temperatures, top_ps, uniforms)]
        addresses = [each.buffer_info()[0] for each in whole]
        addresses += [each.buffer_info()[0] for each in real]
        addresses += [sampled.buffer_info()[0], likelihoods.buffer_info()[0]]
        if self._library.lg_draw(self._handle, len(places), *addresses) != 0:
            raise IndexError("no such place or mask")
        return sampled.tolist(), likelihoods.tolist()


def load_native(folder: Path) -> LoadedModel[NativeDecoder]:
    """Load and check a checkpoint for serving.

    Raises CheckpointError, and RuntimeError without the kernel.
    """
    stored = read_checkpoint(folder)
    return with_decoder(stored, NativeDecoder(stored.config, stored.weights))


def set_threads(threads: int) -> int:
    """Set the number of threads of this process; returns how many were started."""
    return int(_library().lg_set_threads(threads))


def _library() -> CDLL:
    library = load()
    if library is None:
        raise RuntimeError("the native kernel was not built")
    return library


def _new_model(
    library: CDLL, config: DecoderConfig, weights: Mapping[str, Floats], instructions: str
) -> int:
    kept: dict[str, Floats | Integers] = {
        name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()
    }
    if config.family == "modern":
        kept |= dict(zip(("cosines", "sines"), rotations(config), strict=True))
    if config.memory is not None:
        for name in ("symbols", "letters"):
            kept[f"memory.{name}"] = np.array(getattr(config.memory, name), np.int32)
    addresses = {name: array.ctypes.data for name, array in kept.items()}
    layers = (LayerWeights * config.layers)()
    for index, layer in enumerate(layers):
        _fill(layer, addresses, f"blocks.{index}.")
    whole = Weights(layers=layers)
    _fill(whole, addresses, "")
    handle = library.lg_model_new(byref(_shape(config)), byref(whole), instructions.encode())
    if not handle:
        raise MemoryError("no memory for the weights")
    return int(handle)


def _fill(target: LayerWeights | Weights, addresses: Mapping[str, int], prefix: str) -> None:
    """Set each field to the address of its tensor; fields without one stay NULL."""
    fields = {name for name, *_ in target._fields_}
    for name, address in addresses.items():
        if not name.startswith(prefix):
            continue
        # blocks.0.attention.query.weight → query, blocks.0.attention.out.bias → out_bias
        parts = name.removeprefix(prefix).removesuffix(".weight").split(".")
        own = [part for part in parts if part not in ("attention", "feed_forward")]
        if (field := "_".join(own)) in fields:
            setattr(target, field, address)


def _shape(config: DecoderConfig) -> Shape:
    memory = {} if config.memory is None else _memory_shape(config.memory)
    return Shape(
        modern=config.family == "modern",
        vocabulary=config.vocabulary,
        context=config.context,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        feed_forward=config.feed_forward,
        final_norm=config.final_norm,
        attention_scale=config.attention_scale,
        **memory,
    )


def _memory_shape(memory: MemoryConfig) -> dict[str, int]:
    return {
        "memory_orders": sum(1 << order - 1 for order in memory.orders),
        "memory_words": sum(1 << order - 1 for order in memory.words),
        "memory_rows": memory.rows,
        "memory_width": memory.width,
    }


def rotations(config: DecoderConfig) -> tuple[Floats, Floats]:
    """Cosines and sines of the rotary angles, two arrays (context, head width / 2) of float32."""
    half = np.arange(0, config.head_width, 2, dtype=np.float64) / config.head_width
    angles = np.outer(np.arange(config.context), config.rope_theta**-half)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
