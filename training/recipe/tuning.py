"""The fine-tuning recipe for a small text: at most half an hour of two cores."""

from __future__ import annotations

from dataclasses import replace

from model.checkpoint.config import DecoderConfig
from training.data.corpus import Corpus
from training.recipe.presets import Phase, Preset

NAME = "fine-tuning"
# Time limit for slow machines.
MINUTES = 30.0
_WINDOW, _BATCH = 528, 4
# With a novel of 110,000 characters the development loss rose in the fourth pass.
_PASSES = 3
_LEAST_STEPS, _MOST_STEPS = 30, 3_000


def tuning(config: DecoderConfig, corpus: Corpus) -> Preset:
    """The recipe for fine-tuning a checkpoint of this shape on this data set.

    AdamW alone, at a fraction of the pre-training rates: small batches do not repay the products of
    Muon. Dropout and the averaged weights prevent memorising a short text. Memory tables stay
    frozen, since a text touches few of their rows. The steps read the text several times, within
    bounds.
    """
    length = min(_WINDOW, config.context)
    passes = _PASSES * corpus.facts["characters"]["train"] // (length * _BATCH)
    preset = Preset(
        config.family,
        context=config.context,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        feed_forward=config.feed_forward,
        phases=(Phase(0.0, length, _BATCH),),
        steps=max(_LEAST_STEPS, min(_MOST_STEPS, passes)),
        dropout=0.1,
        adam_rate=1e-3,
        warmup=10,
        decay=0.9,
        ema=0.98,
        scale_by_width=config.scale_by_width,
        final_norm=config.final_norm,
    )
    if (memory := config.memory) is None:
        return preset
    return replace(
        preset,
        memory_orders=memory.orders,
        memory_words=memory.words,
        memory_rows=memory.rows,
        memory_width=memory.width,
        memory_rate=0.0,
    )
