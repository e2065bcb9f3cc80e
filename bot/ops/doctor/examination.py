"""The sequence of all examinations, in the order in which an operator fixes problems."""

from __future__ import annotations

import asyncio
import itertools

from bot.net.platform_api import api_session
from bot.ops.doctor import (
    cluster,
    configuration,
    database,
    discord,
    environment,
    generation,
    machine,
    telegram,
)
from bot.ops.doctor.clock import Clocks
from bot.ops.doctor.findings import Finding, good
from bot.settings.names import RAY
from bot.settings.settings import Settings


async def examine() -> list[Finding]:
    """All findings. Takes seconds, mostly waiting for the platforms."""
    findings = [*machine.python(), *machine.libraries()]
    settings, about_settings = configuration.read()
    findings += about_settings
    if settings is None:
        return findings
    findings += configuration.limits(settings)
    if settings.executor == RAY:
        findings += await cluster.examine(settings)
    else:
        findings += await asyncio.to_thread(generation.examine, settings)
    running = await asyncio.to_thread(environment.running_bot, settings.state_dir)
    findings += environment.disk(settings.state_dir)
    shared, others = await database.examine(settings)
    if settings.database_url is None:
        findings += await asyncio.to_thread(environment.store, settings.state_dir)
    findings += shared
    findings += await environment.metrics_port(settings, running)
    return findings + await _platforms(settings, running, others)


async def _platforms(settings: Settings, running: int | None, others: list[str]) -> list[Finding]:
    if settings.discord_token is None and settings.telegram_token is None:
        return [good("tokens", "doctor_no_tokens")]
    clocks = Clocks()
    async with api_session() as session:
        found = await asyncio.gather(
            discord.examine(session, settings, clocks),
            telegram.examine(session, settings, clocks, running, others),
        )
    return [*itertools.chain.from_iterable(found), *clocks.findings()]
