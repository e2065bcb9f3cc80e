"""Round robin between servers; first in, first out within one."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.service.fair_queue import FairQueue, Turn


def order_of(queue: FairQueue, waiting: Sequence[Turn]) -> list[Turn]:
    """Leave each turn as soon as it is ready; returns the order of the turns."""
    left, served = list(waiting), []
    while left:
        turn = next(turn for turn in left if turn.ready.done())
        left.remove(turn)
        served.append(turn)
        queue.leave(turn)
    return served


async def test_free_slot_is_granted_at_once() -> None:
    queue = FairQueue(1)
    first, second = queue.join("a"), queue.join("a")
    assert (first.ready.done(), second.ready.done()) == (True, False)
    assert queue.waiting == 1
    queue.leave(first)
    assert second.ready.done()
    assert queue.waiting == 0


async def test_round_robin_between_groups() -> None:
    queue = FairQueue(1)
    running = queue.join("crowd")
    crowd = [queue.join("crowd") for _ in range(5)]
    alone = queue.join("alone")
    assert queue.ahead(alone) == 1
    queue.leave(running)
    assert order_of(queue, [*crowd, alone])[:2] == [crowd[0], alone]


async def test_leaving_the_queue_frees_the_place() -> None:
    queue = FairQueue(1)
    running, leaving, last = (queue.join("a") for _ in range(3))
    leaving.ready.cancel()
    queue.leave(leaving)
    assert queue.ahead(last) == 0
    queue.leave(running)
    assert last.ready.done()
    queue.leave(last)
    assert queue.join("b").ready.done()


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20), st.data())
async def test_ahead_counts_turns_before(groups: list[str], data: st.DataObject) -> None:
    queue = FairQueue(1)
    running = queue.join("running")
    waiting = [queue.join(group) for group in groups]
    for _ in range(data.draw(st.integers(0, len(waiting) - 1))):  # the round is under way
        queue.leave(running)
        running = next(turn for turn in waiting if turn.ready.done())
        waiting.remove(running)
    expected = {turn: queue.ahead(turn) for turn in waiting}
    queue.leave(running)
    assert [expected[turn] for turn in order_of(queue, waiting)] == list(range(len(waiting)))
