"""Findings about settings."""

from __future__ import annotations

import pytest

from bot.ops.doctor import Grade
from tests.bot.ops.doctor.patient import Broken, Patient, with_settings
from tests.bot.programs import DISCORD_TOKEN

PROBLEM, WARNING = Grade.PROBLEM, Grade.WARNING

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def expose_settings(patient: Patient) -> None:
    file = patient.folder / ".env"
    file.write_text(f"DISCORD_TOKEN={patient.discord.token}\n")
    file.chmod(0o644)


BROKEN: dict[str, Broken] = {
    "a value that is not a number": (
        with_settings(LITTERAGPT_THREADS="dos"),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "an unknown setting": (
        with_settings(LITTERAGPT_THREDS="2"),
        WARNING,
        "Corrija el nombre",
    ),
    "a world-readable .env": (expose_settings, PROBLEM, "chmod 600"),
    "Telegram's token for Discord": (
        with_settings(DISCORD_TOKEN="424242:" + "A" * 35),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "Discord's token for Telegram": (
        with_settings(TELEGRAM_TOKEN=DISCORD_TOKEN),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "a daily limit below the minute's": (
        with_settings(LITTERAGPT_PERSON_PER_MINUTE="9", LITTERAGPT_PERSON_PER_DAY="5"),
        WARNING,
        "Suba LITTERAGPT_PERSON_PER_DAY",
    ),
    "a server limit below a person's": (
        with_settings(LITTERAGPT_PERSON_PER_MINUTE="9", LITTERAGPT_SERVER_PER_MINUTE="5"),
        WARNING,
        "Suba LITTERAGPT_SERVER_PER_MINUTE",
    ),
    "no limits": (
        with_settings(LITTERAGPT_PERSON_PER_MINUTE="0"),
        WARNING,
        "Ponga LITTERAGPT_PERSON_PER_MINUTE",
    ),
    "a queue shorter than a batch": (
        with_settings(LITTERAGPT_QUEUE_LIMIT="4"),
        WARNING,
        "Suba LITTERAGPT_QUEUE_LIMIT",
    ),
    "more threads than cores": (
        with_settings(LITTERAGPT_THREADS="256"),
        WARNING,
        "Ponga LITTERAGPT_THREADS a 0",
    ),
    "a user allowed and blocked": (
        with_settings(
            LITTERAGPT_ALLOWED_USERS="discord:5,discord:6", LITTERAGPT_BLOCKED_USERS="discord:6"
        ),
        WARNING,
        "Quítelo de LITTERAGPT_ALLOWED_USERS",
    ),
    "no admins": (with_settings(DISCORD_ADMIN_IDS=""), WARNING, "DISCORD_ADMIN_IDS"),
    "phrases in the log": (
        with_settings(LITTERAGPT_LOG_PHRASES="true"),
        WARNING,
        "LITTERAGPT_LOG_PHRASES a false",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_unusable_settings(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])
