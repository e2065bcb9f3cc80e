"""Steps in the kernels of `model.cuda.triton_kernels`, five per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.cuda import triton_kernels as kernels
from model.cuda.buffers import BASE, RING, STATE_SIZE, TOKENS, UNIFORMS, SharedBuffers

if TYPE_CHECKING:
    from model.pytorch.decoder import Block, Decoder

EPS = 1e-6
TILE = 32  # columns that share the loaded weights
# (PART, BLOCK) of each product: outputs of a program, and inputs that it loads at a time.
HEADS_BLOCK, ATTENTION_BLOCK = 64, 128
OUT, GATE, DOWN, HEAD = (16, 128), (32, 64), (16, 128), (32, 64)
STAGES = 4  # loads of a product in flight
ATTENTION_WARPS = 4
_MOST_IDS = 256  # sampling compares all pairs of ids


def supports(config: DecoderConfig) -> bool:
    """Whether the kernels support decoders of this shape."""
    half = config.head_width // 2
    return (
        config.family == "modern"
        and config.memory is None
        and config.final_norm
        and half >= 16
        and half & (half - 1) == 0
        and config.vocabulary <= _MOST_IDS
    )


@dataclass(frozen=True)
class _Layer:
    norm: Tensor
    heads: Tensor  # (3·W, W): queries, keys, values
    head_norms: Tensor  # (2, D)
    out: Tensor
    feed_forward_norm: Tensor
    gate: Tensor  # (2·F, W): gate, up
    down: Tensor

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype) -> _Layer:
        attention, network = block.attention, block.feed_forward
        joined = [attention.query, attention.key, attention.value]
        return cls(
            _vector(block.attention_norm),
            _matrix(joined, dtype),
            torch.stack([attention.query_norm.weight, attention.key_norm.weight]).float(),  # type: ignore[union-attr]
            _matrix([attention.out], dtype),
            _vector(block.feed_forward_norm),
            _matrix([network.gate, network.up], dtype),
            _matrix([network.down], dtype),
        )


class KernelWeights:
    """A decoder's weights in the kernels' layout, on its device; matrices are of `dtype`."""

    exact = False  # set once a check found bit-identical logits for any batch

    def __init__(self, decoder: Decoder, dtype: torch.dtype) -> None:
        self.config, self.dtype = decoder.config, dtype
        self.layers = [_Layer.of(block, dtype) for block in decoder.blocks]  # type: ignore[arg-type]
        self.embedding = decoder.token_embedding.weight.float().contiguous()
        self.norm = _vector(decoder.norm)
        self.head = _matrix([decoder.head], dtype)
        self.cosines, self.sines = decoder.cosines, decoder.sines


class KernelSteps:
    """See model.cuda.session.Steps.

    columns: how many are read together at most, including speculative tokens.
    """

    def __init__(
        self,
        weights: KernelWeights,
        buffers: SharedBuffers,
        columns: int,
        drafts: DraftTable | None,
    ) -> None:
        config = self._config = weights.config
        self._weights, self._buffers = weights, buffers
        slots, device = buffers.spare + 1, buffers.device

        def zeros(*size: int, dtype: torch.dtype = weights.dtype) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=device)

        cache = (config.layers, slots, config.heads, config.context, config.head_width)
        self._keys, self._values = zeros(*cache), zeros(*cache)
        self._x = zeros(columns, config.width, dtype=torch.float32)
        self._queries, self._mixed = (zeros(columns, config.width) for _ in range(2))
        self._hidden = zeros(columns, config.feed_forward)
        self.logits = zeros(columns, config.vocabulary, dtype=torch.float32)
        self.tokens, self._slots, self._positions = (
            zeros(columns, dtype=torch.int32) for _ in range(3)
        )
        self._lines = {  # the layout of inputs and states
            "INPUT": buffers.inputs.shape[1],
            "STATE": STATE_SIZE,
            "BASE": BASE,
            "UNIFORMS": UNIFORMS,
            "TOKENS": TOKENS,
            "RING": RING,
            "CONTEXT": config.context,
        }
        known = torch.zeros(2, dtype=torch.int64)
        if drafts is not None:
            known = torch.from_numpy(drafts.slots.astype("int64"))
        self._table = known.to(device)
        self._bits = self._table.numel().bit_length() - 1

    @property
    def exact(self) -> bool:
        """See Steps."""
        return self._weights.exact

    def bound(self, length: int) -> int:
        """See Steps: the context, since a column never reads beyond its own position."""
        return self._config.context

    def read(self, columns: int, upto: int) -> None:
        """See Steps."""
        self._embed(columns)
        self._layers(columns, reading=True)

    def head_logits(self, columns: int) -> None:
        """Read columns, and store the logits after each in `logits`."""
        self._embed(columns)
        self._layers(columns)
        self._head(columns)

    def step(self, batch: int, speculative: int, upto: int) -> None:
        """See Steps."""
        self.speculate(batch, speculative)
        self._layers(batch * (1 + speculative))
        self._head(batch * (1 + speculative))
        self.sample(batch, speculative)

    def speculate(self, batch: int, speculative: int) -> None:
        """Set up the columns of a step; speculative tokens go to `tokens`."""
        config, buffers = self._config, self._buffers
        kernels.speculate[batch,](
            buffers.inputs,
            buffers.float_inputs,
            buffers.states,
            self._weights.embedding,
            self._table,
            self._x,
            self.tokens,
            self._slots,
            self._positions,
            SPARE=buffers.spare,
            WIDTH=config.width,
            PADDED=_padded(config.width),
            BITS=self._bits,
            SPECULATIVE=speculative,
            **self._lines,
        )

    def sample(self, batch: int, speculative: int) -> None:
        """Sample the tokens of a step from `logits`."""
        config, buffers = self._config, self._buffers
        kernels.sample_tokens[batch,](
            self.logits,
            buffers.masks,
            buffers.constraints,
            buffers.following,
            buffers.inputs,
            buffers.float_inputs,
            buffers.states,
            buffers.sampling_params,
            self.tokens,
            buffers.outputs,
            OUTPUT=buffers.outputs.shape[1],
            VOCABULARY=config.vocabulary,
            PADDED=_padded(config.vocabulary),
            SPECULATIVE=speculative,
            MOST=buffers.most,
            num_warps=8,
            **self._lines,
        )

    def _embed(self, columns: int) -> None:
        kernels.embed[columns,](
            self._buffers.columns,
            self._weights.embedding,
            self._x,
            self._slots,
            self._positions,
            WIDTH=self._config.width,
            PADDED=_padded(self._config.width),
        )

    def _layers(self, columns: int, reading: bool = False) -> None:
        """Run all layers; for reading, only the keys and values of the last one."""
        for index, layer in enumerate(self._weights.layers):
            self._heads(columns, layer, index)
            if not (reading and index == self._config.layers - 1):
                self._attend(columns, index)
                self._add(columns, self._mixed, layer.out, OUT)
                self._gate(columns, layer)
                self._add(columns, self._hidden, layer.down, DOWN)

    def _heads(self, columns: int, layer: _Layer, index: int) -> None:
        config = self._config
        kernels.project_heads[_tiles(columns), 3 * config.heads](
            self._x,
            layer.norm,
            layer.heads,
            layer.head_norms,
            self._weights.cosines,
            self._weights.sines,
            self._slots,
            self._positions,
            self._queries,
            self._keys[index],
            self._values[index],
            columns,
            WIDTH=config.width,
            HEADS=config.heads,
            HALF=config.head_width // 2,
            CONTEXT=config.context,
            EPS=EPS,
            TILE=TILE,
            BLOCK=HEADS_BLOCK,
            num_stages=STAGES,
        )

    def _attend(self, columns: int, index: int) -> None:
        config = self._config
        kernels.attend[columns, config.heads](
            self._queries,
            self._keys[index],
            self._values[index],
            self._slots,
            self._positions,
            self._mixed,
            SCALE=config.attention_scale,
            HEADS=config.heads,
            WIDTH=config.head_width,
            CONTEXT=config.context,
            BLOCK=ATTENTION_BLOCK,
            num_warps=ATTENTION_WARPS,
        )

    def _add(self, columns: int, read: Tensor, weight: Tensor, sizes: tuple[int, int]) -> None:
        outputs, inputs = weight.shape
        kernels.project_add[_tiles(columns), -(-outputs // sizes[0])](
            read,
            weight,
            self._x,
            columns,
            INPUTS=inputs,
            OUTPUTS=outputs,
            TILE=TILE,
            PART=sizes[0],
            BLOCK=sizes[1],
            num_stages=STAGES,
        )

    def _gate(self, columns: int, layer: _Layer) -> None:
        hidden = self._config.feed_forward
        kernels.gate[_tiles(columns), -(-hidden // GATE[0])](
            self._x,
            layer.feed_forward_norm,
            layer.gate,
            self._hidden,
            columns,
            WIDTH=self._config.width,
            HIDDEN=hidden,
            EPS=EPS,
            TILE=TILE,
            PART=GATE[0],
            BLOCK=GATE[1],
            num_stages=STAGES,
        )

    def _head(self, columns: int) -> None:
        vocabulary = self._config.vocabulary
        kernels.head_logits[_tiles(columns), -(-vocabulary // HEAD[0])](
            self._x,
            self._weights.norm,
            self._weights.head,
            self.logits,
            columns,
            WIDTH=self._config.width,
            VOCABULARY=vocabulary,
            EPS=EPS,
            TILE=TILE,
            PART=HEAD[0],
            BLOCK=HEAD[1],
            num_stages=STAGES,
        )


def _vector(norm: Any) -> Tensor:
    weight: Tensor = norm.weight.detach().float()
    return weight


def _matrix(layers: Sequence[Any], dtype: torch.dtype) -> Tensor:
    """The layers' weights stacked, row-major."""
    return torch.cat([layer.weight.detach() for layer in layers]).to(dtype).contiguous()


def _tiles(columns: int) -> int:
    return -(-columns // TILE)


def _padded(size: int) -> int:
    """The next power of two, which Triton requires for shapes."""
    return 1 << (size - 1).bit_length()
