"""What comes of a phrase. Free of tensors, so that the bot's process need not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from model.sequence import Sequence


@dataclass(frozen=True)
class Result:
    """A finished text.

    text: phrase and continuation; sentences: those that were written, the first one including
    what the phrase had of it; checkpoint: its id; characters: how many were generated; truncated:
    how many sentences had to be ended at the limit; dropped: what of the phrase could not be
    written.
    """

    phrase: str
    text: str
    sentences: tuple[str, ...]
    style: str | None
    seed: int
    checkpoint: str
    characters: int
    truncated: int
    dropped: tuple[str, ...]


def result_of(sequence: Sequence, checkpoint: str) -> Result:
    """The result of a finished sequence, written with the checkpoint of this id."""
    return Result(
        phrase=sequence.prompt.text,
        text=sequence.text,
        sentences=tuple(sequence.sentences),
        style=sequence.options.style,
        seed=sequence.options.seed,
        checkpoint=checkpoint,
        characters=sequence.characters,
        truncated=sequence.truncated,
        dropped=sequence.prompt.dropped,
    )
