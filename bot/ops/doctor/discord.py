"""Discord: the token, the developer portal, session starts, shards and servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp

from bot.adapters.discord.sharding import assign_shards
from bot.net.platform_api import UnreachableError, ask_discord
from bot.ops.doctor.clock import Clocks
from bot.ops.doctor.findings import Finding, good, problem, unanswered, warning
from bot.settings.settings import Settings
from bot.texts.formatting import number
from bot.texts.number_ranges import write_ranges
from bot.token_formats import DISCORD

PART = "discord"
# Integration types: https://docs.discord.com/developers/resources/application
SERVER, ACCOUNT = "0", "1"
# Guilds per shard: https://docs.discord.com/developers/events/gateway#sharding
MOST_SERVERS = 2500
# Privileged intent flags, for verified and unverified bots, named as in the developer portal.
PRIVILEGED = {
    "Presence": 1 << 12 | 1 << 13,
    "Server Members": 1 << 14 | 1 << 15,
    "Message Content": 1 << 18 | 1 << 19,
}


async def examine(
    session: aiohttp.ClientSession, settings: Settings, clocks: Clocks
) -> list[Finding]:
    """All findings; empty without a token."""
    if settings.discord_token is None:
        return []
    try:
        reply = await ask_discord(session, settings, "applications/@me")
        clocks.read(reply)
        if reply.refused:
            return [problem(PART, "doctor_discord_token")]
        application = reply.object()
        name, number = application["name"], application["id"]
        findings = [good(PART, "doctor_discord_known", name=name, id=number)]
        findings += application_findings(application)
        servers = int(application.get("approximate_guild_count") or 0)
        findings += await _gateway(session, settings, servers)
        findings += await _servers(session, settings, number)
    except (UnreachableError, LookupError, TypeError, ValueError) as error:
        return [unanswered(PART, DISCORD, error)]
    return findings


def application_findings(application: dict[str, Any]) -> Iterator[Finding]:
    """Findings about the configuration in the developer portal:
    https://docs.discord.com/developers/resources/application#application-object"""
    if address := application.get("interactions_endpoint_url"):
        yield problem(PART, "doctor_discord_endpoint", address=address)
    else:
        public = str(application.get("verify_key", ""))[:8]
        yield good(PART, "doctor_discord_gateway", public=public)
    if application.get("bot_require_code_grant"):
        yield problem(PART, "doctor_discord_grant")
    installs = application.get("integration_types_config") or {}
    missing = [kind for kind in (SERVER, ACCOUNT) if kind not in installs]
    for kind in missing:
        yield warning(PART, f"doctor_discord_install_{kind}")
    if not missing:
        yield good(PART, "doctor_discord_installs")
    if not application.get("bot_public", True):
        yield warning(PART, "doctor_discord_private")
    if privileged := list(_privileged(int(application.get("flags") or 0))):
        yield warning(PART, "doctor_discord_intents", intents=", ".join(privileged))
    else:
        yield good(PART, "doctor_discord_no_intents")


def _privileged(bits: int) -> Iterator[str]:
    """Names of the enabled privileged intents."""
    return (name for name, flags in PRIVILEGED.items() if bits & flags)


async def _gateway(
    session: aiohttp.ClientSession, settings: Settings, servers: int
) -> list[Finding]:
    """Whether session starts are left today, and whether the shards suffice:
    https://docs.discord.com/developers/events/gateway#session-start-limit-object"""
    content = (await ask_discord(session, settings, "gateway/bot")).object()
    limit, recommended = content["session_start_limit"], int(content["shards"])
    findings = list(connection_findings(settings, servers, recommended))
    hours = number(limit["reset_after"] / 3_600_000, 1)
    if limit["remaining"] == 0:
        findings.append(problem(PART, "doctor_discord_starts", total=limit["total"], hours=hours))
    elif limit["remaining"] < assign_shards(settings, recommended).count:
        left = limit["remaining"]
        findings.append(warning(PART, "doctor_discord_starts_few", left=left, hours=hours))
    return findings


def connection_findings(settings: Settings, servers: int, recommended: int) -> Iterator[Finding]:
    """Whether the configured shards cover this number of servers.

    recommended: Discord's number of shards, used if the settings have none."""
    layout = assign_shards(settings, recommended)
    values = {"servers": servers, "count": layout.count, "recommended": recommended}
    if layout.automatic:
        yield good(PART, "doctor_discord_shards_auto", **values)
    elif servers > MOST_SERVERS * layout.count:
        yield problem(PART, "doctor_discord_shards_short", most=MOST_SERVERS, **values)
    elif recommended > layout.count:
        yield warning(PART, "doctor_discord_shards_few", **values)
    else:
        yield good(PART, "doctor_discord_shards", **values)
    others = set(range(layout.count)) - set(layout.numbers)
    if others:
        own, rest = write_ranges(layout.numbers), write_ranges(others)
        yield warning(PART, "doctor_discord_shards_others", own=own, others=rest)


async def _servers(
    session: aiohttp.ClientSession, settings: Settings, application: str
) -> list[Finding]:
    """Whether the bot is in the servers that the settings name."""
    named = dict.fromkeys(settings.discord_guild_ids, "DISCORD_GUILD_IDS")
    if settings.discord_admin_guild_id is not None:
        named[settings.discord_admin_guild_id] = "DISCORD_ADMIN_GUILD_ID"
    findings = []
    for guild, setting in sorted(named.items()):
        path = f"applications/{application}/guilds/{guild}/commands"
        if (await ask_discord(session, settings, path)).refused:
            findings.append(problem(PART, "doctor_discord_server", guild=guild, setting=setting))
    return findings
