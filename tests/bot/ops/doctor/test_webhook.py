"""Findings about the webhook's public address."""

from __future__ import annotations

import pytest

from bot.ops.doctor import Grade, examine
from bot.texts import say
from tests.bot.operating.watching import HOST, free_port
from tests.bot.ops.doctor.patient import Broken, Patient, has_finding

PROBLEM, WARNING = Grade.PROBLEM, Grade.WARNING

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def use_unserved_port(patient: Patient) -> None:
    patient.use_webhook("https://bot.example:9999/telegram", free_port())


def use_unreachable_address(patient: Patient) -> None:
    patient.use_webhook(f"http://{HOST}:{free_port()}/", free_port())


def use_address_of_another_server(patient: Patient) -> None:
    patient.use_webhook(patient.discord.api_base, free_port())


BROKEN: dict[str, Broken] = {
    "a port that Telegram does not serve": (use_unserved_port, PROBLEM, "443, 80, 88 o 8443"),
    "an unreachable address": (use_unreachable_address, PROBLEM, "Compruebe el nombre"),
    "another server's address": (
        use_address_of_another_server,
        PROBLEM,
        "Haga que el proxy lleve",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_webhook_trouble(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])


async def test_accepts_webhook_that_reaches_this_machine(patient: Patient) -> None:
    port = free_port()
    patient.use_webhook(f"http://{HOST}:{port}/telegram", port)
    findings = await examine()
    assert any(each.text == say("doctor_webhook") for each in findings)
    assert has_finding(findings, WARNING, say("doctor_webhook_unset_remedy"))
