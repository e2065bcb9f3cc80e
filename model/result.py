"""What comes of a phrase. Free of tensors, so that the bot's process need not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from model.sentences import split_sentences
from model.sequence import Sequence


@dataclass(frozen=True)
class Result:
    """A finished text.

    phrase: as it was typed; sentences: those that were written, the first one including the
    phrase's part of it; checkpoint: its id; characters: how many were generated; truncated: how
    many sentences had to be cut within a clause; dropped: characters of the phrase that the decoder
    could not read.
    """

    phrase: str
    continuation: str
    sentences: tuple[str, ...]
    style: str | None
    seed: int
    checkpoint: str
    characters: int
    truncated: int
    dropped: tuple[str, ...]

    @property
    def text(self) -> str:
        """Phrase and continuation."""
        return self.phrase + self.continuation


def result_of(sequence: Sequence, checkpoint: str) -> Result:
    """The result of a finished sequence, written with the checkpoint of this id."""
    continuation, inherited = sequence.continuation, sequence.inherited
    phrase = sequence.prompt.shown(continuation)
    sentences = list(sequence.sentences)
    if inherited and sentences:
        sentences[0] = split_sentences(phrase)[-1] + sentences[0][len(inherited) :]
    return Result(
        phrase=phrase,
        continuation=continuation,
        sentences=tuple(sentences),
        style=sequence.options.style,
        seed=sequence.options.seed,
        checkpoint=checkpoint,
        characters=sequence.characters,
        truncated=sequence.truncated,
        dropped=sequence.prompt.dropped,
    )
