"""The capacity arithmetic: demand, machines, costs and saturation."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulation import __main__ as command
from benchmarks.simulation.demand import DAY, PEAK, Demand, curve
from benchmarks.simulation.measured import Measured, Speeds
from benchmarks.simulation.plan import Rules, limits, people_at, plan

MEASURED = Measured(
    replica=Speeds((1, 4, 16), (2_000.0, 1_500.0, 1_000.0)),
    lengths=(100.0, 300.0, 500.0),
    reading=500.0,
    discord=0.005,
    store=400.0,
)
DEMAND = Demand(servers=20_000, people=100_000, telegram=0.1)


def test_curve_averages_one_and_peaks_in_american_evenings() -> None:
    moments = np.arange(0.0, DAY, 60.0)
    rates = curve(moments)
    assert rates.mean() == pytest.approx(1.0, rel=0.01)
    assert rates.max() == pytest.approx(PEAK, rel=0.01)
    assert 1 <= moments[np.argmax(rates)] / 3600 <= 5
    assert 8 <= moments[np.argmin(rates)] / 3600 <= 12
    assert curve(np.array([0.0])) == pytest.approx(curve(np.array([DAY])))


def test_requests_follow_from_people() -> None:
    # An answer is followed by another request with probability 0.45, that one again, and so on.
    assert DEMAND.requests == pytest.approx(100_000 * 1.3 / 0.55)
    assert DEMAND.hourly().mean() * DAY == pytest.approx(DEMAND.requests, rel=0.01)
    assert DEMAND.peak >= DEMAND.hourly().max()


def test_plan_has_the_machines_that_the_peak_takes() -> None:
    found = plan(DEMAND, MEASURED, Rules(busy=0.5))
    # A mean request is 300 characters and a fifth of the prefill of 500: 2.5 per second and core.
    assert found.replicas == np.ceil(DEMAND.peak / 1.25)
    assert 1 <= found.mean_replicas <= found.replicas
    assert found.bots == 2 + 1  # eight shards on Discord, and Telegram's process
    assert found.loop == pytest.approx(DEMAND.peak * 0.9 / 2 * 0.005)
    assert found.store == pytest.approx(DEMAND.peak / 400)


def test_cost_is_per_million_requests() -> None:
    found = plan(DEMAND, MEASURED, Rules(price=0.1, store_cores=2))
    euros = 24 * 0.1 * (found.mean_replicas + found.bots + 2)
    assert found.cost * DEMAND.requests / 1e6 == pytest.approx(euros)


def test_limits_are_reached_by_as_many_people() -> None:
    found = limits(DEMAND, MEASURED, Rules())
    assert found["one core that writes"] == pytest.approx(2.5)
    assert found["one event loop, Discord"] == pytest.approx(200)
    for rate in found.values():
        crowd = replace(DEMAND, people=round(people_at(rate, DEMAND)))
        assert crowd.peak == pytest.approx(rate, rel=1e-3)


def test_speeds_are_interpolated_between_batch_sizes() -> None:
    rates = MEASURED.replica.rates(16)
    assert rates[0] == 0
    assert 4 * rates[4] == pytest.approx(1_500)
    assert 10 * rates[10] == pytest.approx(1_250)


def test_measured_figures_load() -> None:
    measured = Measured.load()
    assert min(measured.replica.speed) > 0
    assert measured.store > 0
    assert 0 < measured.discord < 0.1
    lengths = measured.draw_lengths(10_000, np.random.default_rng(0))
    assert lengths.mean() == pytest.approx(np.mean(measured.lengths), rel=0.03)


def test_command_prints_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "plan.json"
    arguments = ["--servers", "1000", "--people", "1000", "--save", str(saved)]
    monkeypatch.setattr(sys, "argv", ["simulation", *arguments])
    command.main()
    assert "saturation" in capsys.readouterr().out
    found = json.loads(saved.read_text("utf-8"))
    assert found.keys() == command.QUESTIONS.keys()
    assert found["sizes"][-1]["servers"] == command.SIZES[-1]
