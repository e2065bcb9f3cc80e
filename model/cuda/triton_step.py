"""A step of several texts on the device, in the kernels of `model.cuda.triton_kernels`: five a
layer."""

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
TILE = 32  # columns that share what is read of the weights
# Outputs of one program, and how much of its sum it loads at a time: (PART, BLOCK) of each product.
HEADS_BLOCK, ATTENTION_BLOCK = 64, 128
OUT, GATE, DOWN, HEAD = (16, 128), (32, 64), (16, 128), (32, 64)
STAGES = 4  # loads of a product that are under way at a time
ATTENTION_WARPS = 4
_MOST_IDS = 256  # a draw compares each id with each other


def fusible(config: DecoderConfig) -> bool:
    """Whether the kernels can be those of such a decoder."""
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


class FusedWeights:
    """A decoder's weights as the kernels read them, on its device; matrices are of `dtype`.

    exact: whether the kernels were seen to compute the same bits in any company.
    """

    exact = False

    def __init__(self, decoder: Decoder, dtype: torch.dtype) -> None:
        self.config, self.dtype = decoder.config, dtype
        self.layers = [_Layer.of(block, dtype) for block in decoder.blocks]  # type: ignore[arg-type]
        self.embedding = decoder.token_embedding.weight.float().contiguous()
        self.norm = _vector(decoder.norm)
        self.head = _matrix([decoder.head], dtype)
        self.cosines, self.sines = decoder.cosines, decoder.sines


class FusedSteps:
    """The work of a launch on its buffers; see model.cuda.session.Steps."""

    def __init__(
        self, weights: FusedWeights, buffers: SharedBuffers, columns: int, drafts: DraftTable | None
    ) -> None:
        """columns: how many are read together at most, guesses included."""
        config = self._config = weights.config
        self._weights, self._buffers = weights, buffers
        rows, device = buffers.spare + 1, buffers.device

        def zeros(*size: int, dtype: torch.dtype = weights.dtype) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=device)

        cache = (config.layers, rows, config.heads, config.context, config.head_width)
        self._keys, self._values = zeros(*cache), zeros(*cache)
        self._x = zeros(columns, config.width, dtype=torch.float32)
        self._queries, self._mixed = (zeros(columns, config.width) for _ in range(2))
        self._hidden = zeros(columns, config.feed_forward)
        self.logits = zeros(columns, config.vocabulary, dtype=torch.float32)
        self.tokens, self._rows, self._positions = (
            zeros(columns, dtype=torch.int32) for _ in range(3)
        )
        self._lines = {  # how orders and states are laid out
            "ORDER": buffers.orders.shape[1],
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
        self._guesses = known.to(device)
        self._bits = self._guesses.numel().bit_length() - 1

    @property
    def exact(self) -> bool:
        """See Steps; false until it was seen."""
        return self._weights.exact

    def bound(self, length: int) -> int:
        """The same for all: a column looks no farther than its own position."""
        return self._config.context

    def read(self, columns: int, upto: int) -> None:
        """See Steps."""
        self._embed(columns)
        self._layers(columns, reading=True)

    def judge(self, columns: int) -> None:
        """Read as well, and leave the logits behind each column in `logits`."""
        self._embed(columns)
        self._layers(columns)
        self._judge(columns)

    def step(self, slots: int, drafts: int, upto: int) -> None:
        """See Steps."""
        self.propose(slots, drafts)
        self._layers(slots * (1 + drafts))
        self._judge(slots * (1 + drafts))
        self.draw(slots, drafts)

    def propose(self, slots: int, drafts: int) -> None:
        """The columns of a step, with guesses in `tokens`."""
        config, buffers = self._config, self._buffers
        kernels.propose[slots,](
            buffers.orders,
            buffers.numbers,
            buffers.states,
            self._weights.embedding,
            self._guesses,
            self._x,
            self.tokens,
            self._rows,
            self._positions,
            SPARE=buffers.spare,
            WIDTH=config.width,
            PADDED=_padded(config.width),
            BITS=self._bits,
            DRAFTS=drafts,
            **self._lines,
        )

    def draw(self, slots: int, drafts: int) -> None:
        """Draw from `logits` what is to be drawn in a step."""
        config, buffers = self._config, self._buffers
        kernels.draw[slots,](
            self.logits,
            buffers.masks,
            buffers.constraints,
            buffers.following,
            buffers.orders,
            buffers.numbers,
            buffers.states,
            buffers.manners,
            self.tokens,
            buffers.answers,
            ANSWER=buffers.answers.shape[1],
            VOCABULARY=config.vocabulary,
            PADDED=_padded(config.vocabulary),
            DRAFTS=drafts,
            MOST=buffers.most,
            num_warps=8,
            **self._lines,
        )

    def _embed(self, columns: int) -> None:
        kernels.embed[columns,](
            self._buffers.columns,
            self._weights.embedding,
            self._x,
            self._rows,
            self._positions,
            WIDTH=self._config.width,
            PADDED=_padded(self._config.width),
        )

    def _layers(self, columns: int, reading: bool = False) -> None:
        """All layers; those who only read need of the last one just its keys and values."""
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
            self._rows,
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
            self._rows,
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

    def _judge(self, columns: int) -> None:
        vocabulary = self._config.vocabulary
        kernels.judge[_tiles(columns), -(-vocabulary // HEAD[0])](
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
    """The layers' weights under one another, row-major."""
    return torch.cat([layer.weight.detach() for layer in layers]).to(dtype).contiguous()


def _tiles(columns: int) -> int:
    return -(-columns // TILE)


def _padded(size: int) -> int:
    """The next power of two, as Triton wants its shapes."""
    return 1 << (size - 1).bit_length()
