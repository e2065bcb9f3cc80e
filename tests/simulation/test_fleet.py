"""The whole fleet: every request has one end, and the rest follows from load and machines."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulation import __main__ as command
from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import Demand
from benchmarks.simulation.fleet import Failure
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.record import End, Record
from benchmarks.simulation.report import STAGES, Prices, summarize
from tests.simulation.small import DEMAND, simulate

FIXED = Fleet(replicas=3, scaling=None)


def p99(record: Record) -> float:
    """Of the seconds to an answer."""
    return float(np.percentile(record.times("done"), 99))


@pytest.mark.parametrize(
    "failures",
    [
        (),
        (Failure(1000.0, "replica"), Failure(1001.0, "bot", 0), Failure(1002.0, "telegram")),
        tuple(Failure(1000.0 + 40 * n, "replica") for n in range(3)),
    ],
)
@pytest.mark.parametrize("fleet", [FIXED, Fleet(replicas=1, shards=1, shard_servers=100)])
def test_every_request_has_exactly_one_end(fleet: Fleet, failures: tuple[Failure, ...]) -> None:
    record = simulate(fleet, failures=failures)
    assert sum(record.ends.values()) == len(record.arrived) > 1000
    assert record.ends[End.ANSWERED] == len(record.times("done"))


def test_little_s_law_holds() -> None:
    fleet = replace(FIXED, network=(0.0, 0.0), person_minute=0, person_day=0, server_minute=0)
    record = simulate(fleet)
    refused = len(record.arrived) - record.ends[End.ANSWERED]
    assert refused == record.ends[End.BUSY]  # these are no time under way
    under_way = float(record.times("done").astype(np.float64).sum())
    assert record.presence == pytest.approx(under_way, rel=1e-3)


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    same = [simulate(FIXED, seconds=900.0).done.tobytes() for _ in range(2)]
    assert same[0] == same[1] != simulate(FIXED, seed=2, seconds=900.0).done.tobytes()


def test_stages_come_in_order() -> None:
    record = simulate(FIXED, seconds=900.0)
    acknowledged, first, done = map(record.times, STAGES)
    assert np.all(acknowledged <= first)
    assert np.all(first < done)


def test_more_machines_do_no_harm_and_more_people_are_more_work() -> None:
    few, many = (simulate(replace(FIXED, replicas=count)) for count in (1, 4))
    assert p99(many) < p99(few)
    busy = [
        simulate(FIXED, replace(DEMAND, people=people)).busy_seconds
        for people in (5_000, 10_000, 20_000)
    ]
    assert busy == sorted(busy)


def test_too_few_machines_refuse_what_would_wait_for_too_long() -> None:
    fleet = replace(FIXED, replicas=1, queue_limit=20)
    record = simulate(fleet, replace(DEMAND, people=200_000), seconds=900.0)
    assert record.ends[End.QUEUE_FULL] > 0
    assert p99(record) < 60


def test_the_server_s_limit_is_kept() -> None:
    crowd = Demand(servers=1, people=20_000, telegram=0.0, direct=0.0, events=0.0)
    record = simulate(FIXED, crowd)
    assert record.ends[End.SERVER_LIMIT] > 0
    # Sixty windows and one, at most so many in each.
    assert record.ends[End.ANSWERED] <= 61 * FIXED.server_minute


def test_a_lost_machine_costs_time_but_no_answer() -> None:
    whole = simulate(FIXED)
    hurt = simulate(FIXED, failures=(Failure(600.0, "replica"), Failure(600.0, "replica")))
    assert hurt.reruns > 0
    assert hurt.ends[End.GIVEN_UP] == 0
    assert p99(hurt) > p99(whole)


def test_a_dead_process_of_discord_is_not_heard_of_and_telegram_s_messages_wait() -> None:
    discord = simulate(FIXED, failures=(Failure(600.0, "bot", 0),))
    assert discord.ends[End.UNHEARD] > 0
    telegram = simulate(FIXED, failures=(Failure(600.0, "telegram"),))
    assert telegram.ends[End.UNHEARD] == 0
    waited = telegram.times("done")[telegram.on_telegram]
    assert waited.max() > FIXED.lease / 2


def test_machines_and_money_are_of_the_whole_when_a_part_was_simulated() -> None:
    record = simulate(FIXED, seconds=900.0)
    whole = summarize(record, FIXED, 2, 900.0, Prices())
    tenth = summarize(record, replace(FIXED, fraction=0.1), 2, 900.0, Prices())
    assert tenth.asked == pytest.approx(10 * whole.asked)
    assert tenth.replicas == pytest.approx(10 * whole.replicas)
    assert tenth.cost["replicas"] == pytest.approx(whole.cost["replicas"])
    assert tenth.cost["store"] == pytest.approx(whole.cost["store"] / 10)


def test_the_command_simulates_with_the_figures_that_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Measured.load().transaction > 0
    saved, picture = tmp_path / "day.json", tmp_path / "day.png"
    arguments = ["day", "--servers", "100", "--people", "4000", "--hours", "1",
                 "--save", str(saved), "--picture", str(picture)]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["simulation", *arguments])
    command.main()
    assert "euros for a million answers" in capsys.readouterr().out
    assert '"answered"' in saved.read_text("utf-8")
    assert picture.read_bytes().startswith(b"\x89PNG")
