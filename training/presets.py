"""Named recipes: the shape of a decoder and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from model.config import DecoderConfig, Family


@dataclass(frozen=True)
class Phase:
    """From `start` (share of the run) on, batches are `batch` windows of `length` characters."""

    start: float
    length: int
    batch: int


@dataclass(frozen=True)
class Preset:
    """Shape and recipe. Learning rates are peaks; `decay` is the share of the run spent falling."""

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
    weight_decay: float = 0.1
    warmup: int = 100
    decay: float = 0.6
    ema: float | None = 0.995
    accumulation: int = 1
    scale_by_width: bool = False
    final_norm: bool = True

    def config(self, vocabulary: int) -> DecoderConfig:
        """The decoder's shape for a vocabulary of this size."""
        return DecoderConfig(
            self.family,
            vocabulary,
            self.context,
            self.width,
            self.layers,
            self.heads,
            self.feed_forward,
            self.dropout,
            scale_by_width=self.scale_by_width,
            final_norm=self.final_norm,
        )


PRESETS = {
    # LitteraGPT 0.1.0 as published: its optimiser, its schedule (none) and its attention scale.
    "reference": Preset(
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
        weight_decay=0.01,
        warmup=0,
        decay=0.0,
        ema=None,
        scale_by_width=True,
        final_norm=False,
    ),
    "base": Preset(
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
        weight_decay=0.3,
    ),
    # Two CPU cores for one to two hours; the long context is learned in the last part only.
    "small": Preset(
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
    ),
    # Seconds, for tests.
    "tiny": Preset(
        "modern",
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
    ),
}
