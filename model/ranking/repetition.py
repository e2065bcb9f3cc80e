"""Repetition of words, and of sentence openings."""

from __future__ import annotations

from operator import eq

from model.ranking.parsed_candidate import ParsedCandidate, words_of

# Words that are doubled for emphasis.
_TWICE = frozenset("muy no sí ya bien nunca jamás adiós así todo casi más luego poco ay ja".split())
# As in «poco a poco a», «uno por uno por».
_STEPS = frozenset("poco uno una gota paso".split())
_LONGEST_GROUP = 3
_RUN = 5
_SAME, _HEAD = 2, 60
_PAIR = 2


def stutters(parsed: ParsedCandidate) -> bool:
    """Whether one to three words are doubled («a mí a mí»), or a run of _RUN words repeats."""
    words = parsed.words
    for size in range(1, _LONGEST_GROUP + 1):
        same = list(map(eq, words, words[size:]))
        if True in same and _has_group_twice(parsed, size, same):
            return True
    return _has_run_twice(words)


def begins_alike(parsed: ParsedCandidate) -> bool:
    """Whether the sentence begins with the same words as the previous one."""
    if not parsed.previous or parsed.first:
        return False
    head = parsed.words[:_SAME]
    return len(head) == _SAME and words_of(parsed.previous[:_HEAD].lower())[:_SAME] == head


def _has_group_twice(parsed: ParsedCandidate, size: int, same: list[bool]) -> bool:
    """same: for each word whether it equals the one `size` places later."""
    for place in range(max(0, parsed.first - 2 * size + 1), len(same) - size + 1):
        if (
            all(same[place : place + size])
            and not _meant(parsed.words[place : place + size])
            and all(map(parsed.adjoins, range(place + 1, place + 2 * size)))
        ):
            return True
    return False


def _meant(group: list[str]) -> bool:
    if len(group) == 1:
        return group[0] in _TWICE
    return len(group) == _PAIR and not _STEPS.isdisjoint(group)


def _has_run_twice(words: list[str]) -> bool:
    if len(words) - len(set(words)) < _RUN:
        return False
    runs = [tuple(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1)]
    return len(set(runs)) < len(runs)
