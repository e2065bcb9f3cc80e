"""The backend that computes with the C kernel: weights of 8 bits, a CPU, no torch.

Logits differ from those of `model.pytorch.decoder` only by the rounding of weights, activations,
keys and values to 8 bits. They depend on the text alone: not on who shares the batch,
on how many threads compute, or on the instruction set.
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
from numpy.typing import NDArray

from model.checkpoint.checkpoint import Checkpoint, read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.memory_keys import MemoryConfig
from model.checkpoint.weights import Floats
from model.engine.backend import Drawn
from model.native.library import LayerWeights, Shape, Weights, instruction_sets, load
from model.text.automaton import Automaton

Integers = NDArray[np.int32]

# So many columns the kernel reads together, as in model.h: there is no sense in drafting more.
COLUMNS = 64


class NativeDecoder:
    """A decoder for this processor.

    weights: every tensor of `config.tensors()`, float32; they are copied. instructions: one of
    `library.instruction_sets()`, by default the best. Raises ValueError for others, RuntimeError
    where the kernel was not built, MemoryError.
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
        rows: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> NativeSession:
        """See model.engine.backend.Backend."""
        return NativeSession(self, rows, masks, drafts)

    def logits(self, tokens: Sequence[int]) -> Floats:
        """Logits (T, V) behind every one of T tokens, at most `context`."""
        session = self.session(1, np.zeros((1, self.config.vocabulary), np.float32))
        found = np.empty((len(tokens), self.config.vocabulary), np.float32)
        session.extend([0] * len(tokens), tokens, range(len(tokens)), logits=found)
        return found


class NativeSession:
    """A KV cache of 8 bits and the logits behind its rows; see model.engine.backend.Session."""

    def __init__(
        self, decoder: NativeDecoder, rows: int, masks: Floats, drafts: DraftTable | None
    ) -> None:
        self._decoder, self._drafts = decoder, drafts  # what must outlive this session
        self.exact, self.spare = True, 0 if drafts is None else COLUMNS
        library = self._library = decoder.library
        masks = np.ascontiguousarray(masks, np.float32)
        if masks.shape[1:] != (decoder.config.vocabulary,):
            raise ValueError(f"masks are {masks.shape}, expected (M, {decoder.config.vocabulary})")
        self._handle = library.lg_session_new(
            decoder.handle, rows, self.spare, masks.ctypes.data, len(masks)
        )
        if not self._handle:
            raise MemoryError(f"no memory for the KV cache of {rows} texts")
        weakref.finalize(self, library.lg_session_free, self._handle)

    def prefill(self, row: int, tokens: Sequence[int], held: int = 0) -> None:
        """See model.engine.backend.Session."""
        self.extend([row] * (len(tokens) - held), tokens[held:], range(held, len(tokens)))

    def decode(
        self,
        rows: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """See model.engine.backend.Session."""
        self.extend(rows, tokens, positions, places)

    def extend(
        self,
        rows: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int] | None = None,
        logits: Floats | None = None,
    ) -> None:
        """Read tokens of any texts, those of a text together and in order.

        places: where to keep the logits behind each, by default in that of its row; logits: where
        to write those behind every token, (T, V). Raises IndexError for a token, row, position or
        place that does not exist.
        """
        numbers = [array("i", values) for values in (tokens, rows, positions, places or rows)]
        addresses = [values.buffer_info()[0] for values in numbers]
        target = None if logits is None else logits.ctypes.data
        if self._library.lg_extend(self._handle, len(rows), *addresses, target) != 0:
            raise IndexError("no such token, row, position or place")

    def fork(self, source: int, row: int, length: int) -> bool:
        """See model.engine.backend.Session. Raises IndexError for a row or length that does not
        exist."""
        if self._library.lg_fork(self._handle, source, row, length) != 0:
            raise IndexError("no such row, or not so many tokens")
        return True

    def draft(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
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

    def draw(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> Drawn:
        """See model.engine.backend.Session. Raises IndexError for a place or mask that does not
        exist."""
        drawn, likelihoods = array("i", places), array("f", uniforms)
        whole = [array("i", values) for values in (places, masks)]
        real = [array("f", values) for values in (temperatures, top_ps, uniforms)]
        addresses = [each.buffer_info()[0] for each in whole]
        addresses += [each.buffer_info()[0] for each in real]
        addresses += [drawn.buffer_info()[0], likelihoods.buffer_info()[0]]
        if self._library.lg_draw(self._handle, len(places), *addresses) != 0:
            raise IndexError("no such place or mask")
        return drawn.tolist(), likelihoods.tolist()


def load_native(folder: Path) -> Checkpoint[NativeDecoder]:
    """Load and check a checkpoint; raises CheckpointError, and RuntimeError without a kernel."""
    stored = read_checkpoint(folder)
    return stored.with_decoder(NativeDecoder(stored.config, stored.weights))


def set_threads(threads: int) -> int:
    """Compute with this many threads in this process; returns how many there are."""
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
    """Set the fields to the addresses of the tensors that belong to them; others stay NULL."""
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
