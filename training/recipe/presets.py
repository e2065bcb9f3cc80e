"""Named recipes: the shape of a decoder and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from model.checkpoint.config import DecoderConfig, Family
from model.checkpoint.memory_keys import MemoryConfig, letters_of, symbols_of
from model.text.tokenizer import Tokenizer

# Smallest and largest value by field. None is allowed where the field's default is None.
_BOUNDS: dict[str, tuple[float, float]] = {
    "steps": (1, 10**9),
    "adam_rate": (1e-9, 10),
    "muon_rate": (1e-9, 10),
    "adam_decay": (0, 100),
    "muon_decay": (0, 100),
    "memory_rate": (0, 10),
    "memory_decay": (0, 100),
    "memory_dropout": (0, 0.95),
    "warmup": (0, 10**9),
    "decay": (0, 1),
    "ema": (0, 0.999999),
    "accumulation": (1, 10**6),
    "teacher_weight": (0, 1),
    "teacher_temperature": (0.01, 100),
}


_SMALLEST = Tokenizer((), " .")


@dataclass(frozen=True)
class Phase:
    """From `start` (share of the run) on, batches are `batch` windows of `length` characters."""

    start: float
    length: int
    batch: int


@dataclass(frozen=True)
class Preset:
    """Shape and recipe; raises ValueError for values out of bounds.

    Learning rates are peaks, and `decay` is the share of the run in which they fall. `adam_decay`
    is the decoupled weight decay of embeddings, head and, without Muon, all matrices; `muon_decay`
    that of the matrices inside the blocks. The tables of the n-gram memory have their own rate and
    decay; a rate of 0 freezes them. docs/training.md describes every field.
    """

    family: Family
    context: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    phases: tuple[Phase, ...]
    steps: int
    dropout: float
    adam_rate: float
    muon_rate: float | None = None  # None: AdamW for everything
    adam_decay: float = 0.0
    muon_decay: float = 0.1
    warmup: int = 100
    decay: float = 0.6
    ema: float | None = 0.995
    accumulation: int = 1
    scale_by_width: bool = False
    final_norm: bool = True
    memory_orders: tuple[int, ...] = ()  # no orders and no words: no memory
    memory_words: tuple[int, ...] = ()
    memory_rows: int = 32_768
    memory_width: int = 32
    memory_dropout: float = 0.0
    memory_rate: float = 4e-3
    memory_decay: float = 0.0
    reshuffle: bool = True
    teacher_weight: float = 0.5
    teacher_temperature: float = 1.0

    def __post_init__(self) -> None:
        self.config(_SMALLEST)
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} is {value!r}, expected {least:g} to {most:g}")
        self._check_phases()

    def _check_phases(self) -> None:
        starts = [phase.start for phase in self.phases]
        rising = all(first < second < 1 for first, second in pairwise(starts))
        if not starts or starts[0] != 0 or not rising:
            raise ValueError("phases must begin at 0, and each later than the one before")
        for phase in self.phases:
            if not 2 <= phase.length <= self.context or phase.batch < 1:
                raise ValueError(
                    f"a phase of {phase.batch} windows of {phase.length} characters cannot be, "
                    f"expected at least 1 of 2 to {self.context} (the context)"
                )

    def config(self, tokenizer: Tokenizer) -> DecoderConfig:
        """The decoder's shape for this vocabulary."""
        return DecoderConfig(
            self.family,
            tokenizer.size,
            self.context,
            self.width,
            self.layers,
            self.heads,
            self.feed_forward,
            self.dropout,
            scale_by_width=self.scale_by_width,
            final_norm=self.final_norm,
            memory=self._memory(tokenizer),
        )

    def _memory(self, tokenizer: Tokenizer) -> MemoryConfig | None:
        if not self.memory_orders and not self.memory_words:
            return None
        return MemoryConfig(
            self.memory_orders,
            self.memory_words,
            self.memory_rows,
            self.memory_width,
            symbols_of(tokenizer),
            letters_of(tokenizer),
            self.memory_dropout,
        )


# LitteraGPT 0.1.0 as published: its optimiser, its constant rate and its attention scale.
_REFERENCE = Preset(
    "reference",
    context=528,
    width=512,
    layers=6,
    heads=8,
    feed_forward=2048,
    phases=(Phase(0.0, 528, 64),),
    steps=10_000,
    dropout=0.3,
    adam_rate=3e-4,
    adam_decay=0.01,
    warmup=0,
    decay=0.0,
    ema=None,
    scale_by_width=True,
    final_norm=False,
)
_BASE = Preset(
    "modern",
    context=528,
    width=512,
    layers=6,
    heads=8,
    feed_forward=1376,
    phases=(Phase(0.0, 528, 64),),
    steps=4_000,
    dropout=0.2,
    adam_rate=3e-3,
    muon_rate=0.01,
    muon_decay=0.3,
)
# One to two hours of two CPU cores; only the last part trains the long context.
_SMALL = Preset(
    "modern",
    context=528,
    width=256,
    layers=6,
    heads=4,
    feed_forward=704,
    phases=(Phase(0.0, 256, 16), Phase(0.25, 256, 32), Phase(0.85, 528, 16)),
    steps=6_000,
    dropout=0.0,
    adam_rate=4e-3,
    muon_rate=0.015,
    decay=0.8,
)

PRESETS = {
    "reference": _REFERENCE,
    "base": _BASE,
    # As few steps as reach the published loss, for `make speedrun`; their number is fixed before
    # anything is timed.
    "speedrun": replace(
        _BASE,
        phases=(Phase(0.0, 264, 64), Phase(0.7, 528, 32)),
        steps=1_200,
        dropout=0.0,
        adam_rate=4e-3,
        muon_rate=0.015,
        muon_decay=0.1,
        warmup=50,
        decay=0.7,
        ema=0.98,
    ),
    "small": _SMALL,
    # Days of two CPU cores: an n-gram memory spells, and leaves the rest to the blocks.
    "medium": replace(
        _SMALL,
        layers=8,
        phases=(Phase(0.0, 256, 32), Phase(0.85, 528, 16)),
        steps=50_000,
        decay=0.7,
        ema=0.998,
        memory_orders=(2, 3, 4, 5, 6, 8),
        memory_words=(1, 2),
        memory_rows=49_152,
        memory_width=32,
    ),
    # Seconds, for tests.
    "tiny": replace(
        _SMALL,
        context=64,
        width=32,
        layers=2,
        heads=2,
        feed_forward=64,
        phases=(Phase(0.0, 32, 8), Phase(0.5, 64, 4)),
        steps=30,
        dropout=0.05,
        adam_rate=1e-2,
        muon_rate=0.02,
        warmup=5,
        decay=0.6,
    ),
}
