"""Words that come again too soon."""

from __future__ import annotations

from operator import eq

from model.ranking.reading import Reading, words_of

# Said twice on purpose.
_TWICE = frozenset("muy no sí ya bien nunca jamás adiós así todo casi más luego poco ay ja".split())
# Of «poco a poco a», «uno por uno por» and the like.
_STEPS = frozenset("poco uno una gota paso".split())
_LONGEST_GROUP = 3
_RUN = 5
_SAME, _HEAD = 2, 60
_PAIR = 2


def stutters(reading: Reading) -> bool:
    """Whether one to three words stand twice in a row with only a space between («a mí a mí»), or a
    run of _RUN words stands twice in the sentence."""
    words = reading.words
    for size in range(1, _LONGEST_GROUP + 1):
        same = list(map(eq, words, words[size:]))
        if True in same and _has_group_twice(reading, size, same):
            return True
    return _has_run_twice(words)


def begins_alike(reading: Reading) -> bool:
    """Whether the sentence begins with the words that the one before begins with."""
    if not reading.previous or reading.first:
        return False
    head = reading.words[:_SAME]
    return len(head) == _SAME and words_of(reading.previous[:_HEAD].lower())[:_SAME] == head


def _has_group_twice(reading: Reading, size: int, same: list[bool]) -> bool:
    """same: for each place whether the word stands again `size` places on."""
    for place in range(max(0, reading.first - 2 * size + 1), len(same) - size + 1):
        if (
            all(same[place : place + size])
            and not _meant(reading.words[place : place + size])
            and all(map(reading.adjoins, range(place + 1, place + 2 * size)))
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
