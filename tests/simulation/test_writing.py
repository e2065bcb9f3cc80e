"""Replicas, router and autoscaler, beside what queueing theory says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.simulation.measured import Speeds
from benchmarks.simulation.parts import Clock
from benchmarks.simulation.writing import Pool, Scaling, autoscale

EVEN = Speeds((1, 2), (1.0, 1.0), (0.0, 0.0))


@dataclass
class Text:
    """What is to be written, and when that came, began and ended."""

    work: float
    came: float = 0.0
    began: float = 0.0
    ended: float = 0.0


def pool_of(clock: Clock, speeds: Speeds, rows: int) -> Pool:
    """A pool that notes times."""

    def begun(text: Text, _: float) -> None:
        text.began = clock.now

    def written(text: Text) -> None:
        text.ended = clock.now

    return Pool(clock, speeds, rows, np.random.default_rng(0), begun, written)


def serve(
    speeds: Speeds, rows: int, rate: float, works: Callable[[int], list[float]], count: int
) -> list[Text]:
    """Texts that come by chance, so many a second on average, to one replica."""
    clock = Clock()
    pool = pool_of(clock, speeds, rows)
    pool.add()
    moments = np.cumsum(np.random.default_rng(1).exponential(1 / rate, count)).tolist()
    texts = [Text(work, moment) for work, moment in zip(works(count), moments, strict=True)]
    for text in texts:
        clock.at(text.came, pool.submit, text)
    clock.run()
    return texts[count // 20 :]  # it began empty


def exponential(count: int) -> list[float]:
    """Lengths with mean 1."""
    return np.random.default_rng(2).exponential(1.0, count).tolist()


def test_a_replica_whose_texts_do_not_slow_each_other_down_is_the_queue_m_m_c() -> None:
    servers, rate = 4, 3.2
    speeds = Speeds((1, servers), (1.0, float(servers)), (0.0, 0.0))
    texts = serve(speeds, servers, rate, exponential, 60_000)
    # Erlang's formula C: the chance to wait, and from it the mean wait.
    busy = rate / servers
    last = rate**servers / (math.factorial(servers) * (1 - busy))
    waits = last / (sum(rate**n / math.factorial(n) for n in range(servers)) + last)
    expected = waits / (servers - rate)
    assert np.mean([t.began - t.came for t in texts]) == pytest.approx(expected, rel=0.06)
    assert np.mean([t.began > t.came for t in texts]) == pytest.approx(waits, rel=0.03)


@pytest.mark.parametrize("works", [exponential, lambda count: [1.0] * count])
def test_a_replica_of_one_speed_shares_it_and_the_mean_does_not_depend_on_lengths(
    works: Callable[[int], list[float]],
) -> None:
    rate = 0.7
    texts = serve(EVEN, 10_000, rate, works, 60_000)
    assert np.mean([t.ended - t.came for t in texts]) == pytest.approx(1 / (1 - rate), rel=0.06)


def test_texts_that_begin_together_end_by_their_lengths() -> None:
    clock = Clock()
    pool = pool_of(clock, EVEN, 3)
    pool.add()
    texts = [Text(3.0), Text(1.0), Text(2.0)]
    for text in texts:
        pool.submit(text)
    clock.run()
    # One character of each takes three seconds; then there are two left, then one.
    assert [text.ended for text in texts] == pytest.approx([6.0, 3.0, 5.0])


def test_a_machine_that_dies_gives_back_what_it_had_when_that_is_found_out() -> None:
    clock = Clock()
    pool = pool_of(clock, EVEN, 4)
    pool.add()
    texts, found = [Text(10.0) for _ in range(3)], []
    for text in texts:
        pool.submit(text)
    clock.at(1.0, pool.lose, 5.0, lambda text: found.append((clock.now, text)))
    clock.at(2.0, pool.submit, late := Text(1.0))
    clock.run()
    assert [moment for moment, _ in found] == [6.0] * 4
    # The one that had most to write comes first, since each is put before all who wait.
    assert [id(text) for _, text in found] == [id(text) for text in (*reversed(texts), late)]
    assert not any(text.ended for text in texts)


def test_the_autoscaler_follows_the_load_up_and_down_and_keeps_within_its_bounds() -> None:
    clock = Clock()
    pool = pool_of(clock, EVEN, 4)
    pool.add()
    scaling = Scaling(least=1, most=8, target=0.6, down_delay=60.0, start=20.0)
    for moment in np.arange(0.0, 300.0, 0.25):
        clock.at(float(moment), pool.submit, Text(1.0))  # four replicas' work
    clock.process(autoscale(clock, pool, scaling))
    clock.run(until=25.0)
    assert pool.size == 1  # not before it was so for a while
    clock.run(until=250.0)
    assert 5 <= len(pool.replicas) <= 8
    clock.run(until=1200.0)
    assert pool.size == 1
    assert all(replica.ended is not None for replica in pool.past)
