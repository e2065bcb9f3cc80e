"""Findings about the clock, the store, ports and a running bot."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from contextlib import closing

import pytest

from bot.cli import EXIT_FAILURE
from bot.ops.doctor import Grade, examine
from bot.store.sqlite import FILE, UNUSABLE
from bot.texts import say
from tests.bot.operating.watching import GREEN_SECONDS, HOST, RED_SECONDS, Scene
from tests.bot.ops.doctor.patient import Broken, Patient, has_finding, run_doctor

PROBLEM = Grade.PROBLEM

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def damage_store(patient: Patient) -> None:
    (patient.state / FILE).write_bytes(b"no database at all" * 1000)


def write_newer_store(patient: Patient) -> None:
    with closing(sqlite3.connect(patient.state / FILE)) as database:
        database.execute("CREATE TABLE version (number INTEGER)")
        database.execute("INSERT INTO version VALUES (99)")
        database.commit()


def block_store_path(patient: Patient) -> None:
    (patient.folder / "state").write_text("")


BROKEN: dict[str, Broken] = {
    "a file at the store's path": (
        block_store_path,
        PROBLEM,
        "cambie LITTERAGPT_STATE_DIR",
    ),
    "a damaged store": (damage_store, PROBLEM, "Recupérela de una copia"),
    "a store of a later version": (write_newer_store, PROBLEM, "Actualice LitteraGPT"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_unusable_store(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])


async def test_reports_store_set_aside(patient: Patient) -> None:
    write_newer_store(patient)
    aside = patient.state / f"{FILE}{UNUSABLE}1"
    aside.touch()
    assert any(str(aside) in each.text and "bórrela" in each.remedy for each in await examine())


async def test_reports_unwritable_store_folder(patient: Patient) -> None:
    patient.set("TELEGRAM_TOKEN", "")
    folder = patient.state
    folder.chmod(0o500)
    done = await asyncio.to_thread(run_doctor, "--json")
    folder.chmod(0o700)
    found = json.loads(done.stdout)
    assert (done.returncode, found["bien"]) == (EXIT_FAILURE, False)
    (wrong,) = [each for each in found["comprobaciones"] if each["estado"] == "mal"]
    assert wrong["parte"] == "memoria"
    assert wrong["remedio"] == say("doctor_store_forbidden_remedy")


async def test_reports_clock_difference(patient: Patient) -> None:
    patient.set("DISCORD_TOKEN", "")
    patient.telegram.advance(-3600)
    (found,) = [each for each in await examine() if each.part == "reloj"]
    assert found.grade is Grade.PROBLEM
    assert "36" in found.text
    assert "set-ntp" in found.remedy


async def test_reports_port_in_use(patient: Patient) -> None:
    with socket.create_server((HOST, 0)) as other:
        patient.set("LITTERAGPT_METRICS_PORT", str(other.getsockname()[1]))
        assert has_finding(await examine(), PROBLEM, "Cierre el programa que lo ocupa")
        patient.set("LITTERAGPT_METRICS_PORT", "0")
        patient.use_webhook("https://bot.example/telegram", other.getsockname()[1])
        assert has_finding(await examine(), PROBLEM, "Cierre el programa que lo ocupa")


async def test_recognises_running_bot_without_disturbing_it(
    watched: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watched.environment.items():
        monkeypatch.setenv(name, value)
    conflicts = len([call for call in watched.telegram.calls if call.status == 409])
    findings = await examine()
    texts = [each.text for each in findings]
    assert say("doctor_telegram_undisturbed", pid=watched.bot.pid) in texts
    assert say("doctor_running_well", parts="worker, discord, telegram") in texts
    assert [each for each in findings if each.grade is Grade.PROBLEM] == []
    assert len([call for call in watched.telegram.calls if call.status == 409]) == conflicts
    assert (await watched.watcher.report("readyz"))[0] == 200


async def test_reports_unhealthy_running_bot(
    watched: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watched.environment.items():
        monkeypatch.setenv(name, value)
    await watched.discord.refuse_connections(600)
    try:
        await watched.watcher.until("readyz", 503, RED_SECONDS)
        assert has_finding(await examine(), PROBLEM, "Mire en su registro")
    finally:
        await watched.discord.accept_connections()
    await watched.watcher.until("readyz", 200, GREEN_SECONDS)
