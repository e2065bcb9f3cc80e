"""Delays of a backoff."""

from __future__ import annotations

from bot.net.backoff import JITTER, Backoff


def test_delays_double_up_to_the_longest_and_vary() -> None:
    backoff = Backoff(1.0, 4.0)
    for expected in (1.0, 2.0, 4.0, 4.0):
        assert backoff.delay == expected
        assert (1 - JITTER) * expected <= backoff.next() <= (1 + JITTER) * expected


def test_reset_returns_to_the_first_delay() -> None:
    backoff = Backoff(0.5)
    backoff.next()
    backoff.reset()
    assert backoff.delay == 0.5
