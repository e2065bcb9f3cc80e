"""Several endings of one phrase to choose from: what is written for them, and how they are shown.

An ending is one sentence that continues the phrase. Each has a seed of its own, in a row from the
seed of the request, so each can be written again alone: it is the first sentence that its seed
gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.texts.catalogue import notices
from model.engine.result import Result
from model.text.prompt import SEEDS, Options

ENDINGS = 3
# Below it the likeliest text comes nearly always, and three endings would be one.
LEAST_TEMPERATURE = 0.5
# Marks an ending that goes on right behind the phrase, within a word even.
_CLOSE = "…"
_CUT = "..."


@dataclass(frozen=True)
class Endings:
    """Finished endings as they are shown.

    phrase: what all of them begin with; continuations: what each has behind that; notices:
    sentences that go below all of them.
    """

    phrase: str
    continuations: tuple[str, ...]
    notices: tuple[str, ...]
    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Sequence[Result], language: str) -> Endings:
        """The endings with these results, which have a phrase in common."""
        # One of them may show an ellipsis behind the phrase where another has completed the word.
        phrase = min((each.phrase for each in results), key=len)
        truncated = sum(each.truncated for each in results)
        return cls(
            phrase=phrase,
            continuations=tuple(each.text[len(phrase) :] for each in results),
            notices=tuple(notices(results[0].dropped, truncated, language)),
            results=tuple(results),
        )


def variants(options: Options, count: int) -> list[Options]:
    """How each of so many endings is to be written, for a request with these options."""
    temperature = max(options.temperature, LEAST_TEMPERATURE)
    seeds = [(options.seed + number) % (SEEDS[1] + 1) for number in range(count)]
    return [replace(options, sentences=1, temperature=temperature, seed=seed) for seed in seeds]


def as_line(continuation: str) -> str:
    """An ending as it is shown on a line of its own, apart from its phrase."""
    begins_a_word = continuation[:1] == " " and continuation[1:2].strip(f" {_CLOSE}")
    return continuation[1:] if begins_a_word else _CLOSE + continuation


def of_line(line: str) -> str:
    """The ending that `as_line` was given."""
    return line[1:] if line.startswith(_CLOSE) else f" {line}"


def fitted(
    continuations: Sequence[str], fits: Callable[[Sequence[str]], bool]
) -> tuple[list[str], bool]:
    """The endings as they are or, where those do not fit, the longest of them cut between words
    until they do; whether any was cut."""
    kept, cut = list(continuations), False
    while not fits(kept) and max(map(len, kept)) > len(_CUT):
        longest = max(range(len(kept)), key=lambda number: len(kept[number]))
        text = kept[longest].removesuffix(_CUT)
        shorter = text[: len(text) * 7 // 8]
        kept[longest], cut = (shorter.rpartition(" ")[0] or shorter) + _CUT, True
    return kept, cut
