"""The report as text and as JSON."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version

import pytest

from bot.cli import EXIT_FAILURE
from bot.ops.doctor import Grade, examine
from bot.ops.doctor.findings import as_lines
from bot.texts import say
from tests.bot.operating.watching import free_port
from tests.bot.ops.doctor.patient import Patient, run_doctor

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


async def test_finds_nothing_wrong_with_good_setup(patient: Patient) -> None:
    patient.set("LITTERAGPT_METRICS_PORT", str(free_port()))
    findings = await examine()
    assert [each for each in findings if each.grade is not Grade.GOOD or each.remedy] == []
    told = "\n".join(as_lines(findings))
    assert say("doctor_well", warnings=0) in told
    for part in ("python", "motor", "modelo", "disco", "memoria", "discord", "telegram", "reloj"):
        assert f"bien   {part} " in told
    assert not (patient.folder / "state").exists()


async def test_command_prints_text_and_json(patient: Patient) -> None:
    patient.set("TELEGRAM_TOKEN", "")
    done = await asyncio.to_thread(run_doctor)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines[-1] == say("doctor_well", warnings=0)
    done = await asyncio.to_thread(run_doctor, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["bien"]) == (0, True)
    assert found["version"] == version("litteragpt")
    assert {each["estado"] for each in found["comprobaciones"]} == {"bien"}
    patient.set("LITTERAGPT_THREADS", "dos")
    done = await asyncio.to_thread(run_doctor)
    assert done.returncode == EXIT_FAILURE
    assert say("doctor_remedy", remedy=say("doctor_setting_remedy")) in done.stdout.decode()
