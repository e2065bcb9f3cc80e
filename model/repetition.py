"""Words that come again too soon."""

from __future__ import annotations

from model.reading import Reading, words_of

# Said twice on purpose.
_TWICE = frozenset("muy no sí ya bien nunca jamás adiós así todo casi más luego poco ay ja".split())
_LONGEST_GROUP = 3
_RUN = 5
_SAME = 2


def stutters(reading: Reading) -> bool:
    """Whether one to three words stand twice in a row with only a space between («a mí a mí»), or a
    run of _RUN words stands twice in the sentence."""
    words = reading.words
    for size in range(1, _LONGEST_GROUP + 1):
        for place in range(max(0, reading.first - 2 * size + 1), len(words) - 2 * size + 1):
            group = words[place : place + size]
            if group != words[place + size : place + 2 * size]:
                continue
            if _unbroken(reading, place, 2 * size) and not (size == 1 and group[0] in _TWICE):
                return True
    return _has_run_twice(words)


def begins_alike(reading: Reading) -> bool:
    """Whether the sentence begins with the words that the one before begins with."""
    if not reading.previous or reading.first:
        return False
    head = reading.words[:_SAME]
    return len(head) == _SAME and words_of(reading.previous[:60])[:_SAME] == head


def _unbroken(reading: Reading, place: int, count: int) -> bool:
    """Whether only spaces stand between so many words from `place` on."""
    ends, written = reading.ends, reading.written
    return all(
        ends[after] - len(written[after]) - ends[after - 1] == 1
        for after in range(place + 1, place + count)
    )


def _has_run_twice(words: list[str]) -> bool:
    if len(words) < 2 * _RUN:
        return False
    runs = [tuple(words[place : place + _RUN]) for place in range(len(words) - _RUN + 1)]
    return len(set(runs)) < len(runs)
