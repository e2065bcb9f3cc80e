"""The queueing simulation against what queueing theory predicts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.simulation.measured import Floats, Speeds
from benchmarks.simulation.replicas import Outcome, poisson, serve

EVEN = Speeds((1, 2), (1.0, 1.0))
COUNT = 60_000


def exponential(count: int) -> Floats:
    """Lengths with mean 1."""
    return np.random.default_rng(2).exponential(1.0, count)


def run(
    speeds: Speeds, rows: int, rate: float, works: Callable[[int], Floats] = exponential
) -> Outcome:
    """One replica with Poisson arrivals at `rate` per second."""
    random = np.random.default_rng(1)
    arrived = poisson(rate, COUNT / rate, random)
    return serve(arrived, works(len(arrived)), speeds, rows, 1, random)


def test_independent_texts_wait_like_mmc() -> None:
    servers, rate = 4, 3.2
    outcome = run(Speeds((1, servers), (1.0, float(servers))), servers, rate)
    # Erlang's formula C: the probability to wait, and from it the mean wait.
    busy = rate / servers
    last = rate**servers / (math.factorial(servers) * (1 - busy))
    waits = last / (sum(rate**n / math.factorial(n) for n in range(servers)) + last)
    assert outcome.waits.mean() == pytest.approx(waits / (servers - rate), rel=0.06)
    assert (outcome.waits > 1e-9).mean() == pytest.approx(waits, rel=0.03)


@pytest.mark.parametrize("works", [exponential, np.ones])
def test_shared_speed_takes_as_long_as_mg1_ps(works: Callable[[int], Floats]) -> None:
    rate = 0.7
    outcome = run(EVEN, 10_000, rate, works)
    assert outcome.times.mean() == pytest.approx(1 / (1 - rate), rel=0.06)
    assert outcome.busy == pytest.approx(rate, rel=0.03)


def test_texts_that_begin_together_end_by_their_lengths() -> None:
    works, random = np.array([3.0, 1.0, 2.0]), np.random.default_rng(0)
    outcome = serve(np.zeros(3), works, EVEN, 3, 1, random)
    # One character of each takes three seconds; then two texts are left, then one.
    assert outcome.ended == pytest.approx([6.0, 3.0, 5.0])


def test_same_seed_gives_the_same_run() -> None:
    def ended(seed: int) -> bytes:
        random = np.random.default_rng(seed)
        arrived = poisson(2.0, 500.0, random)
        return serve(arrived, exponential(len(arrived)), EVEN, 4, 3, random).ended.tobytes()

    assert ended(0) == ended(0) != ended(1)


def test_fewer_replicas_take_longer_and_lose_nothing() -> None:
    times = []
    for replicas in (6, 5, 4):
        random = np.random.default_rng(3)
        arrived = poisson(3.5, 2_000.0, random)
        outcome = serve(arrived, exponential(len(arrived)), EVEN, 4, replicas, random)
        assert outcome.refused == 0
        assert np.all(outcome.began >= outcome.arrived)
        assert np.all(outcome.ended > outcome.began)
        times.append(outcome.times.mean())
    assert times == sorted(times)


def test_full_queue_refuses() -> None:
    random = np.random.default_rng(4)
    arrived = poisson(2.0, 1_000.0, random)
    outcome = serve(arrived, np.ones(len(arrived)), EVEN, 4, 1, random, limit=20)
    assert outcome.refused == pytest.approx(0.5, abs=0.05)
    assert outcome.times.max() < 30
