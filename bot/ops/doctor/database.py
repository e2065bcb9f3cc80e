"""The shared database: access, rights, and the bot processes that use it."""

from __future__ import annotations

import time

from bot.cluster.postgres.database import Postgres, UnreachableError
from bot.ops.doctor.findings import Finding, Grade, good, problem
from bot.settings.names import DATABASE_URL, SettingsError
from bot.settings.settings import Settings
from bot.store.database import knows_postgresql
from bot.texts import say

PART = "base"


async def examine(settings: Settings) -> tuple[list[Finding], list[str]]:
    """Findings, and the names of the processes that use the database; empty without one."""
    if settings.database_url is None:
        return [], []
    if not knows_postgresql():
        return [problem(PART, "doctor_database_extra", setting=DATABASE_URL)], []
    started = time.monotonic()
    try:
        view = await Postgres(settings.database_url.get_secret_value()).look()
    except (SettingsError, UnreachableError) as error:
        remedy = say("doctor_database_remedy", setting=DATABASE_URL)
        return [Finding(PART, Grade.PROBLEM, str(error), remedy)], []
    values = {"version": view.version, "milliseconds": 1000 * (time.monotonic() - started)}
    if not view.may_create:
        return [problem(PART, "doctor_database_rights", **values)], view.processes
    found = [good(PART, "doctor_database", **values)]
    if view.processes:
        names = ", ".join(view.processes)
        found.append(good(PART, "doctor_database_processes", names=names))
    return found, view.processes
