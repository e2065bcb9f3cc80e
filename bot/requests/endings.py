"""Several endings of one phrase to choose from.

An ending is one sentence that continues the phrase. Their seeds are consecutive from the request's
seed, so each ending can be generated again alone: it is the first sentence of its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.texts.catalogue import notices
from model.engine.result import Result
from model.text.prompt import SEEDS, Options

ENDINGS = 3
# At lower temperatures all endings would be nearly the same.
LEAST_TEMPERATURE = 0.5
# Marks an ending that continues without a space, even within a word.
_CLOSE = "…"
_CUT = "..."


@dataclass(frozen=True)
class Endings:
    """Finished endings as they are shown."""

    phrase: str  # common to all
    continuations: tuple[str, ...]  # one each
    notices: tuple[str, ...]  # sentences below all of them
    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Sequence[Result], language: str) -> Endings:
        """The endings with these results of the same phrase."""
        # One may show an ellipsis after the phrase where another has completed the word.
        phrase = min((each.phrase for each in results), key=len)
        truncated = sum(each.truncated for each in results)
        return cls(
            phrase=phrase,
            continuations=tuple(each.text[len(phrase) :] for each in results),
            notices=tuple(notices(results[0].dropped, truncated, language)),
            results=tuple(results),
        )


def variants(options: Options, count: int) -> list[Options]:
    """The options of each of `count` endings for a request."""
    temperature = max(options.temperature, LEAST_TEMPERATURE)
    seeds = [(options.seed + number) % (SEEDS[1] + 1) for number in range(count)]
    return [replace(options, sentences=1, temperature=temperature, seed=seed) for seed in seeds]


def as_line(continuation: str) -> str:
    """An ending on a line of its own, without its phrase."""
    begins_a_word = continuation[:1] == " " and continuation[1:2].strip(f" {_CLOSE}")
    return continuation[1:] if begins_a_word else _CLOSE + continuation


def of_line(line: str) -> str:
    """The inverse of `as_line`."""
    return line[1:] if line.startswith(_CLOSE) else f" {line}"


def fitted(
    continuations: Sequence[str], fits: Callable[[Sequence[str]], bool]
) -> tuple[list[str], bool]:
    """The endings, the longest cut between words until all fit, and whether any was cut."""
    kept, cut = list(continuations), False
    while not fits(kept) and max(map(len, kept)) > len(_CUT):
        longest = max(range(len(kept)), key=lambda number: len(kept[number]))
        text = kept[longest].removesuffix(_CUT)
        shorter = text[: len(text) * 7 // 8]
        kept[longest], cut = (shorter.rpartition(" ")[0] or shorter) + _CUT, True
    return kept, cut
