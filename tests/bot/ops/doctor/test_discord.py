"""Findings about the Discord token, the developer portal and shards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.ops.doctor import Grade
from tests.bot.operating.watching import HOST
from tests.bot.ops.doctor.patient import Broken, Patient, with_settings

PROBLEM, WARNING = Grade.PROBLEM, Grade.WARNING

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def with_portal(**values: object) -> Callable[[Patient], None]:
    """Change the application in Discord's developer portal."""
    return lambda patient: patient.discord.portal.update(values)


def leave_one_start(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.gateway.starts.end_in(86_400, left=1)


def recommend_shards(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.recommended_shards = 3


def join_many_servers(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.recommended_shards = 6
    patient.discord.portal["approximate_guild_count"] = 5500


BROKEN: dict[str, Broken] = {
    "a token that was reset": (
        lambda patient: setattr(patient.discord.faults, "token_revoked", True),
        PROBLEM,
        "Reset Token",
    ),
    "an interactions endpoint": (
        with_portal(interactions_endpoint_url="https://example.com/interactions"),
        PROBLEM,
        "Borre Interactions Endpoint URL",
    ),
    "a code grant requirement": (
        with_portal(bot_require_code_grant=True),
        PROBLEM,
        "Apague Requires OAuth2 Code Grant",
    ),
    "no user install": (
        with_portal(integration_types_config={"0": {}}),
        WARNING,
        "Marque User Install",
    ),
    "no guild install": (
        with_portal(integration_types_config={"1": {}}),
        WARNING,
        "Marque Guild Install",
    ),
    "a private application": (
        with_portal(bot_public=False),
        WARNING,
        "marque Public Bot",
    ),
    "privileged intents": (with_portal(flags=1 << 19), WARNING, "Apáguelas"),
    "no session starts left": (
        lambda patient: patient.discord.gateway.starts.end_in(86_400, left=0),
        PROBLEM,
        "Espere 24,0 horas",
    ),
    "few session starts left": (
        leave_one_start,
        WARNING,
        "No lo reinicie en 24,0 horas",
    ),
    "fewer shards than recommended": (
        recommend_shards,
        WARNING,
        "Suba DISCORD_SHARD_COUNT a 3",
    ),
    "more servers than shards allow": (
        join_many_servers,
        PROBLEM,
        "Suba DISCORD_SHARD_COUNT a 6",
    ),
    "shards of other processes": (
        with_settings(DISCORD_SHARD_COUNT="4", DISCORD_SHARD_IDS="0,2"),
        WARNING,
        "otros procesos tienen 1,3 en DISCORD_SHARD_IDS",
    ),
    "a server without the bot": (
        with_settings(DISCORD_GUILD_IDS="123456"),
        PROBLEM,
        "litteragpt invite",
    ),
    "an unreachable API": (
        with_settings(DISCORD_API_BASE=f"http://{HOST}:9"),
        PROBLEM,
        "Compruebe la red",
    ),
    "a malformed response": (
        with_portal(name=None, id=None, flags="many"),
        PROBLEM,
        "un proxy en medio",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_discord_trouble(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])
