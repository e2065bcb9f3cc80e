"""Sliding windows, and blocks for flooding."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.requests.limits import DAY, MINUTE, Excess, Limits, Window


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits(clock: Clock, **changes: int) -> Limits:
    """Two a minute and five a day for a person, three a minute for a server, two strikes."""
    chosen = {"person_minute": 2, "person_day": 5, "place_minute": 3, "strikes": 2}
    return Limits(**(chosen | changes), block_seconds=600, clock=clock)


def test_window_slides(clock: Clock) -> None:
    window = Window(2, MINUTE, clock)
    assert window.count("a") == 1
    clock.now += 50
    assert window.count("a") == 2
    assert window.wait("a") == pytest.approx(10)
    assert window.wait("b") == 0
    clock.now += 10
    assert window.wait("a") == 0
    assert window.count("a") == 2  # the first has expired
    assert window.wait("a") == pytest.approx(50)


def test_zero_means_no_limit(clock: Clock) -> None:
    window = Window(0, MINUTE, clock)
    assert [window.count("a") for _ in range(3)] == [0, 0, 0]
    assert window.wait("a") == 0


def test_capacity_drops_the_oldest_key(clock: Clock) -> None:
    window = Window(1, MINUTE, clock, capacity=2)
    for key in "abc":
        window.count(key)
    assert [window.wait(key) > 0 for key in "abc"] == [False, True, True]


def test_keys_expire_with_the_window(clock: Clock) -> None:
    window = Window(2, MINUTE, clock)
    for number in range(1000):
        window.count(str(number))
        clock.now += 1
    assert len(window) == 60
    assert window.count("999") == 2
    clock.now += MINUTE
    window.count("another")
    assert len(window) == 1


def test_maximum_of_times_drops_the_oldest_keys(clock: Clock) -> None:
    window = Window(10, MINUTE, clock, most=25)
    for key in "abc":
        for _ in range(9):
            window.count(key)
    assert len(window) == 2
    assert window.count("a") == 1
    assert window.count("c") == 10
    assert window.count("c") == 10
    assert window.wait("c") > 0
    for key in "abc":
        for _ in range(12):
            window.take_back(key)
        window.forget(key)
    assert len(window) == 0
    for _ in range(10):
        window.count("d")  # a count taken back takes no room
    assert window.wait("d") > 0


def test_single_key_over_the_maximum_is_still_limited(clock: Clock) -> None:
    window = Window(10, MINUTE, clock, most=5)
    for _ in range(10):
        window.count("a")
    assert window.wait("a") > 0


@pytest.mark.parametrize("asked", [1, 6])
def test_memory_of_100_000_keys_is_bounded(asked: int) -> None:
    """The growth of a separate process; with deques it was more than 180 MB."""
    code = f"""
import resource
from bot.requests.limits import Limits
seconds = [0.0]
ours = Limits(person_minute=5, person_day=60, place_minute=20, strikes=10, block_seconds=600,
              clock=lambda: seconds[0])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range({asked}):
    for visitor in range(150_000):
        seconds[0] += 0.001
        person = f"web:{{10**14 + visitor}}"
        ours.count(person, None)
        ours.cards.count(person)
        ours.strike(person)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(grown.stdout) < 100 * 1024  # KiB


def test_excess_names_limit_and_wait(clock: Clock) -> None:
    ours = limits(clock)
    for _ in range(2):
        assert ours.excess("p", "s") is None
        ours.count("p", "s")
    clock.now += 20
    assert ours.excess("p", "s") == Excess("person_minute", 2, pytest.approx(40))
    ours.count("q", "s")
    assert ours.excess("r", "s") == Excess("place_minute", 3, pytest.approx(40))
    assert ours.excess("r", "other") is None
    assert ours.excess("r", None) is None


def test_day_has_its_own_limit(clock: Clock) -> None:
    ours = limits(clock)
    for _ in range(5):
        ours.count("p", None)
        clock.now += MINUTE
    excess = ours.excess("p", None)
    assert excess == Excess("person_day", 5, pytest.approx(DAY - 5 * MINUTE))


def test_strikes_lead_to_a_block(clock: Clock) -> None:
    ours = limits(clock)
    assert ours.strike("p") == 0
    assert ours.blocked("p") == 0
    assert ours.strike("p") == 600
    assert ours.blocked("p") == 600
    assert ours.blocked("q") == 0
    clock.now += 601
    assert ours.blocked("p") == 0
    assert ours.strike("p") == 0  # strikes start again


def test_strikes_expire(clock: Clock) -> None:
    ours = limits(clock)
    for _ in range(5):
        assert ours.strike("p") == 0
        clock.now += MINUTE


def test_zero_strikes_disables_blocks(clock: Clock) -> None:
    ours = limits(clock, strikes=0)
    assert [ours.strike("p") for _ in range(50)] == [0] * 50
    assert ours.blocked("p") == 0


def test_restored_counts_are_kept(clock: Clock) -> None:
    ours = limits(clock)
    ours.count("p", None, ago=50)
    ours.count("p", None, ago=40)
    assert ours.excess("p", None) == Excess("person_minute", 2, 10)
    clock.now += 10
    assert ours.excess("p", None) is None


def test_future_request_counts_as_now(clock: Clock) -> None:
    ours = limits(clock)
    for _ in range(2):
        ours.count("p", "s", ago=-365 * DAY)
    assert ours.excess("p", "s") == Excess("person_minute", 2, MINUTE)
    clock.now += MINUTE
    assert ours.excess("p", "s") is None
    ours.block("q", 365 * DAY)
    assert ours.blocked("q") == 600


def test_restored_block_keeps_its_rest(clock: Clock) -> None:
    ours = limits(clock)
    ours.block("p", 100)
    assert ours.blocked("p") == 100
    clock.now += 100
    assert ours.blocked("p") == 0
