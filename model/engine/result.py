"""What comes of a phrase. Free of tensors, so that the bot's process need not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.text.sentences import split_sentences

if TYPE_CHECKING:
    from model.engine.composition import Composition


@dataclass(frozen=True)
class Result:
    """A finished text.

    phrase: as it was typed; sentences: those that were written, the first one including the
    phrase's part of it; checkpoint: its id; characters: how many were generated; truncated: how
    many sentences had to be cut within a clause; dropped: characters of the phrase that the decoder
    could not read; candidates: how many sentences were drawn to choose from; rejected: how many of
    these had each fault (see model.ranking.ranking).
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
    candidates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Phrase and continuation."""
        return self.phrase + self.continuation


def result_of(text: Composition, checkpoint: str) -> Result:
    """The result of a finished text, written with the checkpoint of this id."""
    continuation, inherited = text.continuation, text.inherited
    phrase = text.prompt.shown(continuation)
    sentences = list(text.sentences)
    if inherited and sentences:
        sentences[0] = split_sentences(phrase)[-1] + sentences[0][len(inherited) :]
    return Result(
        phrase=phrase,
        continuation=continuation,
        sentences=tuple(sentences),
        style=text.options.style,
        seed=text.options.seed,
        checkpoint=checkpoint,
        characters=text.characters,
        truncated=text.truncated,
        dropped=text.prompt.dropped,
        candidates=text.drawn,
        rejected={str(fault): count for fault, count in sorted(text.rejected.items())},
    )
