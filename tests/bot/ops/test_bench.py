"""`litteragpt bench`: its report as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli import EXIT_FAILURE
from model.checkpoint.discovery import bundled_checkpoints
from tests.bot.programs import environment, litteragpt

pytestmark = pytest.mark.timeout(120)


def test_prints_speed_for_one_and_many_requests(checkpoints: Path) -> None:
    program = litteragpt("bench", settings=environment(checkpoints))
    assert program.returncode == 0, program.stderr.decode()
    engine, *speeds = program.stdout.decode().splitlines()
    assert engine.startswith("Modelo tiny, motor ")
    assert [line.split(" a la vez: ")[0].strip() for line in speeds] == ["1", "16", "64"]


def test_json_has_speeds_and_speculation() -> None:
    settings = environment(bundled_checkpoints(), checkpoint="small", engine="auto")
    program = litteragpt("bench", "--json", settings=settings)
    assert program.returncode == 0, program.stderr.decode()
    told = json.loads(program.stdout)
    assert told["checkpoint"] == "small"
    assert told["borradores"] == (told["motor"] == "nativo")
    assert all(each["characters_per_second"] > 0 for each in told["medidas"].values())


def test_unknown_model_fails_with_one_sentence(checkpoints: Path) -> None:
    program = litteragpt("bench", "--checkpoint", "nadie", settings=environment(checkpoints))
    assert (program.returncode, program.stdout) == (EXIT_FAILURE, b"")
    assert program.stderr.decode().count("\n") == 1
