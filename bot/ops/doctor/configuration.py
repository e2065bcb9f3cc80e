"""The settings: readable, private and plausible."""

from __future__ import annotations

from collections.abc import Iterator

from bot.ops.doctor.findings import Finding, Grade, good, problem, warning
from bot.settings.env_file import exposed_file, keeps_permissions, load_settings, unknown_settings
from bot.settings.names import SettingsError
from bot.settings.settings import Settings
from bot.texts import say
from model.cpu import available_cores

PART = "ajustes"


def read() -> tuple[Settings | None, list[Finding]]:
    """The settings, None if unusable, and findings about them."""
    findings = [
        Finding(PART, Grade.WARNING, line, say("doctor_setting_unknown_remedy"))
        for line in unknown_settings()
    ]
    if (exposed := exposed_file()) is not None:
        if keeps_permissions(exposed.parent):
            findings.append(problem(PART, "doctor_exposed", file=exposed))
        else:
            findings.append(warning(PART, "doctor_no_permissions", file=exposed))
    try:
        settings = load_settings()
    except SettingsError as error:
        remedy = say("doctor_setting_remedy")
        lines = str(error).splitlines()
        return None, findings + [Finding(PART, Grade.PROBLEM, line, remedy) for line in lines]
    return settings, findings or [good(PART, "doctor_settings")]


def limits(settings: Settings) -> list[Finding]:
    """Warnings for valid settings that make no sense."""
    return [warning(PART, key, **values) for key, values in _implausible(settings)]


def _implausible(settings: Settings) -> Iterator[tuple[str, dict[str, object]]]:
    minute, day = settings.person_per_minute, settings.person_per_day
    server = settings.server_per_minute
    if 0 < day < minute:
        yield "doctor_day_below_minute", {"day": day, "minute": minute}
    if 0 < server < minute:
        yield "doctor_server_below_person", {"server": server, "minute": minute}
    if minute == day == server == 0:
        yield "doctor_no_limits", {}
    if settings.queue_limit < settings.max_batch:
        yield (
            "doctor_queue_below_batch",
            {
                "queue": settings.queue_limit,
                "batch": settings.max_batch,
            },
        )
    if settings.threads > (cores := available_cores()):
        yield "doctor_threads", {"threads": settings.threads, "cores": cores}
    if settings.log_phrases:
        yield "doctor_phrases_logged", {}
    if "DEBUG" in {settings.log_level, *settings.log_levels.values()}:
        yield "doctor_debug_logged", {}
    yield from _people(settings)


def _people(settings: Settings) -> Iterator[tuple[str, dict[str, object]]]:
    for both, names in (
        (settings.allowed_users & settings.blocked_users, "USERS"),
        (settings.allowed_servers & settings.blocked_servers, "SERVERS"),
    ):
        if both:
            yield "doctor_allowed_and_blocked", {"who": ", ".join(sorted(both)), "names": names}
    for platform, token, admins in (
        ("DISCORD", settings.discord_token, settings.discord_admin_ids),
        ("TELEGRAM", settings.telegram_token, settings.telegram_admin_ids),
    ):
        if token is not None and not admins:
            yield "doctor_no_admins", {"platform": platform.capitalize(), "name": platform}
