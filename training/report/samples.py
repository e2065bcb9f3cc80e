"""One phrase continued in the manner of each author, for a checkpoint's card."""

from __future__ import annotations

from typing import Any

from model.engine.backend import Backend
from model.engine.generate import generate
from model.engine.loaded_model import LoadedModel
from model.text.prompt import Options


def write_samples(checkpoint: LoadedModel[Backend], phrase: str, seed: int) -> dict[str, Any]:
    """A text for each style on offer and one without, as `training.report.card` shows them.

    All have the same phrase and seed, and everything else is as in the bot. Raises PromptError.
    """
    styles = (*checkpoint.styles, None)
    results = [generate(checkpoint, phrase, Options(style=style, seed=seed)) for style in styles]
    return {
        "phrase": phrase,
        "seed": seed,
        "engine": checkpoint.decoder.engine,
        "texts": [{"style": result.style, "text": result.text} for result in results],
    }
