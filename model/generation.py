"""A phrase in, sentences out, in this process: what the executor does for one text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model.backend import Backend
from model.engine import Engine
from model.prompt import Options, check_style, prepare
from model.result import Result, result_of
from model.sequence import Sequence
from model.stored import Checkpoint


def make_sequence(checkpoint: Checkpoint[Backend], phrase: str, options: Options) -> Sequence:
    """Check a phrase and its options against a checkpoint; raises PromptError."""
    options = replace(options, style=check_style(options.style, checkpoint.styles))
    return Sequence(prepare(phrase, checkpoint.tokenizer), options, checkpoint.tokenizer)


def generate(
    checkpoint: Checkpoint[Backend],
    phrase: str,
    options: Options,
    on_text: Callable[[str], None] | None = None,
) -> Result:
    """Continue one phrase; `on_text` is given the characters as they come. Raises PromptError."""
    engine = Engine(checkpoint, rows=1)
    sequence = make_sequence(checkpoint, phrase, options)
    engine.add(sequence)
    while engine.busy:
        engine.step()
        if on_text is not None and (text := sequence.take_text()):
            on_text(text)
    return result_of(sequence, checkpoint.id)
