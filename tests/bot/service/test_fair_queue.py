"""Turns go round between servers, and first come, first served inside one."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.service.fair_queue import Turn, Turns


def order_of(turns: Turns, waiting: Sequence[Turn]) -> list[Turn]:
    """Give every turn back as soon as it came; the order in which they came."""
    left, served = list(waiting), []
    while left:
        turn = next(turn for turn in left if turn.ready.done())
        left.remove(turn)
        served.append(turn)
        turns.give_back(turn)
    return served


async def test_a_free_seat_is_taken_at_once() -> None:
    turns = Turns(1)
    first, second = turns.take("a"), turns.take("a")
    assert (first.ready.done(), second.ready.done()) == (True, False)
    assert turns.waiting == 1
    turns.give_back(first)
    assert second.ready.done()
    assert turns.waiting == 0


async def test_a_crowd_does_not_keep_the_others_waiting() -> None:
    turns = Turns(1)
    seated = turns.take("crowd")
    crowd = [turns.take("crowd") for _ in range(5)]
    alone = turns.take("alone")
    assert turns.ahead(alone) == 1
    turns.give_back(seated)
    assert order_of(turns, [*crowd, alone])[:2] == [crowd[0], alone]


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    turns = Turns(1)
    seated, leaving, last = (turns.take("a") for _ in range(3))
    leaving.ready.cancel()
    turns.give_back(leaving)
    assert turns.ahead(last) == 0
    turns.give_back(seated)
    assert last.ready.done()
    turns.give_back(last)
    assert turns.take("b").ready.done()


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20), st.data())
async def test_ahead_tells_how_many_are_served_first(
    groups: list[str], data: st.DataObject
) -> None:
    turns = Turns(1)
    seated = turns.take("seated")
    waiting = [turns.take(group) for group in groups]
    for _ in range(data.draw(st.integers(0, len(waiting) - 1))):  # the round is under way
        turns.give_back(seated)
        seated = next(turn for turn in waiting if turn.ready.done())
        waiting.remove(seated)
    expected = {turn: turns.ahead(turn) for turn in waiting}
    turns.give_back(seated)
    assert [expected[turn] for turn in order_of(turns, waiting)] == list(range(len(waiting)))
