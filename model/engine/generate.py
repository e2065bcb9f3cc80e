"""Generation of one text in this process; the worker does the same for many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model.engine.backend import Backend
from model.engine.composition import Composition
from model.engine.engine import Engine
from model.engine.loaded_model import LoadedModel
from model.engine.result import Result, result_of
from model.ranking.ranking import Ranking
from model.text.prompt import Options, check_style, prepare


def compose(
    checkpoint: LoadedModel[Backend],
    phrase: str,
    options: Options,
    ranking: Ranking | None = None,
) -> Composition:
    """Check a phrase and its options against a checkpoint; raises PromptError.

    ranking: chooses among candidates; the checkpoint's own by default.
    """
    options = replace(options, style=check_style(options.style, checkpoint.styles))
    prompt = prepare(phrase, checkpoint.tokenizer)
    return Composition(prompt, options, checkpoint.tokenizer, ranking or checkpoint.ranking)


def generate(
    checkpoint: LoadedModel[Backend],
    phrase: str,
    options: Options,
    on_text: Callable[[str], None] | None = None,
) -> Result:
    """Continue one phrase; `on_text` receives the text as it grows. Raises PromptError."""
    text = compose(checkpoint, phrase, options)
    engine = Engine(checkpoint, slots=len(text.sequences))
    engine.add(text)
    while engine.busy:
        engine.step()
        if on_text is not None and (piece := text.take_text()):
            on_text(piece)
    return result_of(text, checkpoint.id)
