"""What only counts and queues."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulation.demand import DAY, Demand, arrivals, curve
from benchmarks.simulation.parts import Clock, Gateway, Line, TelegramToken
from bot.adapters.telegram.rate_limiter import EVERYWHERE, GROUP


def most_within(moments: list[float], seconds: float) -> int:
    """How many fall into any span of so many seconds."""
    ordered = np.sort(moments)
    return int(max(np.searchsorted(ordered, ordered + seconds - 1e-6) - np.arange(len(ordered))))


def test_a_line_serves_one_after_the_other() -> None:
    line = Line()
    assert [line.serve(now, 2.0) for now in (0.0, 1.0, 10.0)] == [2.0, 4.0, 12.0]
    assert line.busy == 6.0


def test_telegram_is_sent_no_more_than_it_takes_and_nothing_is_lost() -> None:
    clock = Clock()
    token, sent = TelegramToken(clock), []
    for number in range(200):
        group = 7 if number % 4 == 0 else None
        token.send(group, lambda which: sent.append((clock.now, which)), group)
    clock.run()
    assert len(sent) == 200
    assert most_within([moment for moment, _ in sent], EVERYWHERE[1]) <= EVERYWHERE[0]
    groups = [moment for moment, group in sent if group is not None]
    assert most_within(groups, GROUP[1]) <= GROUP[0]
    # The group holds up nobody else: all others are out after their own time.
    others = [moment for moment, group in sent if group is None]
    assert max(others) <= EVERYWHERE[1] * (len(others) + GROUP[0]) / EVERYWHERE[0]


def test_shards_identify_in_turn() -> None:
    gateway = Gateway(4, 5.0, concurrency=1)
    assert gateway.begin_anew([0, 1, 2], 10.0) == 20.0
    assert [gateway.connected(shard, 12.0) for shard in range(4)] == [True, False, False, True]


def test_the_curve_is_a_share_of_the_day_and_its_peak_is_america_s_evening() -> None:
    moments = np.arange(0.0, DAY, 60.0)
    rates = curve(moments)
    assert rates.mean() == pytest.approx(1.0, rel=0.01)
    assert 1 <= moments[np.argmax(rates)] / 3600 <= 5
    assert 8 <= moments[np.argmin(rates)] / 3600 <= 12
    assert curve(np.array([0.0])) == pytest.approx(curve(np.array([DAY])))


def test_as_many_come_as_were_to_be_expected_and_where() -> None:
    demand = Demand(servers=1000, people=100_000, events=0.0)
    found = arrivals(demand, np.random.default_rng(3))
    expected = demand.people * (1 + demand.more_sessions)
    assert len(found.times) == pytest.approx(expected, rel=0.01)
    assert np.all(np.diff(found.times) >= 0)
    on_telegram = (found.places == -2) | (found.places >= demand.servers)
    assert on_telegram.mean() == pytest.approx(demand.telegram, rel=0.05)
    ranks = np.bincount(found.places[(found.places >= 0) & ~on_telegram], minlength=1000)
    assert ranks[:10].sum() > 2 * ranks[-10:].sum()


def test_a_part_is_like_the_whole() -> None:
    whole = Demand(servers=1000, people=100_000)
    part = whole.part(0.25)
    assert part.requests == pytest.approx(whole.requests / 4)

    def largest(demand: Demand) -> float:
        shares = 1 / (np.arange(demand.servers) + 1 + demand.flat)
        return demand.people * float(shares[0] / shares.sum())

    assert largest(part) == pytest.approx(largest(whole), rel=0.05)


def test_events_bring_more_than_the_day_does() -> None:
    quiet, loud = (
        arrivals(Demand(servers=5, people=50_000, events=events), np.random.default_rng(4))
        for events in (0.0, 40.0)
    )
    assert len(loud.times) > len(quiet.times)
    assert most_within(loud.times.tolist(), 60.0) > 2 * most_within(quiet.times.tolist(), 60.0)
