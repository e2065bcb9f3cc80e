"""Telegram: the token, @BotFather's configuration, and competing clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
from yarl import URL

from bot.net.platform_api import UnreachableError, ask_telegram
from bot.ops.doctor.clock import Clocks
from bot.ops.doctor.findings import Finding, good, problem, unanswered, warning
from bot.ops.doctor.webhook import reachability
from bot.settings.settings import Settings
from bot.token_formats import TELEGRAM

PART = "telegram"
# A client that lost a poll to a newer one retries within seconds.
WATCH_SECONDS = 5.0
PAUSE_SECONDS = 0.5
# Ports of webhooks: https://core.telegram.org/bots/api#setwebhook
PORTS = (443, 80, 88, 8443)
MANY_PENDING = 100
RECENT_SECONDS = 3600.0
LOCAL = {"localhost", "127.0.0.1", "::1"}


async def examine(
    session: aiohttp.ClientSession,
    settings: Settings,
    clocks: Clocks,
    running: int | None,
    others: Sequence[str] = (),
) -> list[Finding]:
    """All findings; empty without a token.

    running: pid of the bot in this installation.
    others: bots that share its database. Neither is to lose a poll to the doctor."""
    if settings.telegram_token is None:
        return []
    try:
        reply = await ask_telegram(session, settings, "getMe")
        clocks.read(reply)
        if reply.refused:
            return [problem(PART, "doctor_telegram_token")]
        user = reply.object()
        findings = [
            good(PART, "doctor_telegram_known", name=user["username"]),
            *profile_findings(user),
        ]
        webhook = (await ask_telegram(session, settings, "getWebhookInfo")).object()
        if settings.telegram_webhook_url is None:
            findings += await _polling(session, settings, webhook, running or ", ".join(others))
        else:
            findings += _delivery(settings.telegram_webhook_url, webhook)
            findings += await reachability(settings, running)
    except (UnreachableError, LookupError, TypeError, ValueError) as error:
        return [unanswered(PART, TELEGRAM, error)]
    return findings


def profile_findings(user: dict[str, Any]) -> Iterator[Finding]:
    """Findings about @BotFather's configuration: https://core.telegram.org/bots/api#user"""
    checks = (
        ("privacy", not user.get("can_read_all_group_messages", False)),
        ("inline", user.get("supports_inline_queries", False)),
        ("guest", user.get("supports_guest_queries", False)),
        ("groups", user.get("can_join_groups", True)),
    )
    for name, well in checks:
        key = f"doctor_telegram_{name}"
        yield good(PART, key) if well else warning(PART, f"{key}_wrong")


async def _polling(
    session: aiohttp.ClientSession,
    settings: Settings,
    webhook: dict[str, Any],
    running: int | str,
) -> list[Finding]:
    """Whether polling is possible, and whether another client polls with this token."""
    if webhook.get("url"):
        host = URL(webhook["url"]).host
        return [problem(PART, "doctor_telegram_webhook_elsewhere", host=host)]
    if running:
        return [good(PART, "doctor_telegram_undisturbed", pid=running)]
    if await _has_competitor(session, settings):
        return [problem(PART, "doctor_telegram_other")]
    return [good(PART, "doctor_telegram_alone")]


async def _has_competitor(session: aiohttp.ClientSession, settings: Settings) -> bool:
    """Whether another client polls. Confirms no update, so that client loses none.

    The newest poll wins: the doctor interrupts the other client, which retries and causes a
    conflict here. https://core.telegram.org/bots/api#getupdates"""
    until = time.monotonic() + WATCH_SECONDS
    while (left := until - time.monotonic()) > 0:
        wait = max(1, round(left))
        reply = await ask_telegram(session, settings, "getUpdates", timeout=wait, limit=1)
        if reply.status == 409:
            return True
        await asyncio.sleep(PAUSE_SECONDS)  # pending updates end a poll at once
    return False


def _delivery(wanted: str, webhook: dict[str, Any]) -> Iterator[Finding]:
    """Findings about webhook deliveries: https://core.telegram.org/bots/api#webhookinfo"""
    url = URL(wanted)
    if url.host not in LOCAL and (url.scheme != "https" or url.port not in PORTS):
        yield problem(PART, "doctor_webhook_port", port=url.port)
    if webhook.get("url") != wanted:
        yield warning(PART, "doctor_webhook_unset")
    failed = time.time() - webhook.get("last_error_date", 0) < RECENT_SECONDS
    if failed:
        message = webhook.get("last_error_message", "-")
        yield warning(PART, "doctor_webhook_failed", said=message)
    if (pending := webhook.get("pending_update_count", 0)) > MANY_PENDING:
        yield warning(PART, "doctor_webhook_pending", pending=pending)
