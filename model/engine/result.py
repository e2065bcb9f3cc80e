"""The result of a generation. Without tensors, so that the bot's process does not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.text.sentences import split_sentences

if TYPE_CHECKING:
    from model.engine.composition import Composition


@dataclass(frozen=True)
class Result:
    """A finished text."""

    phrase: str  # as typed
    continuation: str
    sentences: tuple[str, ...]  # the first includes the phrase's part of it
    style: str | None
    seed: int
    checkpoint: str  # its id
    characters: int  # generated
    truncated: int  # sentences cut within a clause
    dropped: tuple[str, ...]  # characters of the phrase that the vocabulary lacks
    candidates: int = 0  # sentences sampled to choose from
    # How many candidates had each fault, see model.ranking.fault.
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Phrase and continuation."""
        return self.phrase + self.continuation


def result_of(text: Composition, checkpoint: str) -> Result:
    """The result of a finished text; checkpoint: the id of the one that generated it."""
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
        candidates=text.sampled,
        rejected={str(fault): count for fault, count in sorted(text.rejected.items())},
    )
