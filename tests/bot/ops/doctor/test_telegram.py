"""Findings about the Telegram token, @BotFather and competing clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from telegram import Bot
from telegram.error import Conflict

from bot.ops.doctor import Grade, examine
from bot.ops.doctor import telegram as doctors_telegram
from bot.texts import say
from tests.bot.operating.watching import HOST, free_port
from tests.bot.ops.doctor.patient import Broken, Patient, has_finding, with_settings
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram.clients import client

PROBLEM, WARNING = Grade.PROBLEM, Grade.WARNING

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def bot_father(**values: object) -> Callable[[Patient], None]:
    """Change the bot's configuration in @BotFather."""

    def change(patient: Patient) -> None:
        for name, value in values.items():
            setattr(patient.telegram.world.features, name, value)

    return change


BROKEN: dict[str, Broken] = {
    "a revoked token": (
        lambda patient: patient.telegram.faults.revoke(),
        PROBLEM,
        "/token",
    ),
    "an unreachable API": (
        with_settings(TELEGRAM_API_BASE=f"http://{HOST}:9"),
        PROBLEM,
        "Compruebe la red",
    ),
    "a server error": (
        lambda patient: patient.telegram.faults.status("getWebhookInfo", 500),
        PROBLEM,
        "espere",
    ),
    "no privacy mode": (bot_father(can_read_all_group_messages=True), WARNING, "/setprivacy"),
    "no inline mode": (bot_father(supports_inline_queries=False), WARNING, "/setinline"),
    "no guest mode": (bot_father(supports_guest_queries=False), WARNING, "Guest Mode"),
    "no groups": (bot_father(can_join_groups=False), WARNING, "/setjoingroups"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_telegram_trouble(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])


async def test_reports_foreign_webhook(patient: Patient) -> None:
    async with client(patient.telegram) as other:
        await other.set_webhook(f"http://{HOST}:{free_port()}/")
        assert has_finding(await examine(), PROBLEM, "Apague ese programa")


@asynccontextmanager
async def another_program(server: FakeTelegram) -> AsyncIterator[list[int]]:
    """A competing client that polls as libraries do; yields the update ids it received."""
    taken: list[int] = []

    async def poll(other: Bot) -> None:
        offset = 0
        while True:
            try:
                updates = await other.get_updates(offset, timeout=10, read_timeout=15)
            except Conflict:
                await asyncio.sleep(0.5)
                continue
            taken.extend(update.update_id for update in updates)
            offset = max([offset, *(update.update_id + 1 for update in updates)])

    async with client(server) as other:
        polling = asyncio.create_task(poll(other))
        await server.connected()
        try:
            yield taken
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


async def test_reports_competing_poller_without_losing_updates(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 20)
    server = patient.telegram
    ana = server.user("Ana")
    async with another_program(server) as taken:
        examination = asyncio.create_task(examine())
        said = [await server.say(ana, server.private(ana), f"número {n}") for n in range(5)]
        assert has_finding(await examination, PROBLEM, "pida un token nuevo con /revoke")
        said.append(await server.say(ana, server.private(ana), "y otra"))
        wanted = [message.update_id for message in said]
        await server.world.changes.until(lambda: taken == wanted or None, 30, "all updates")


async def test_leaves_pending_updates_unconfirmed(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 1)
    server = patient.telegram
    async with client(server) as before:
        await before.get_updates(allowed_updates=["message"])
    ana = server.user("Ana")
    message = await server.say(ana, server.private(ana), "Hola")
    findings = await examine()
    assert any(each.text == say("doctor_telegram_alone") for each in findings)
    assert [update.id for update in server.updates.pending()] == [message.update_id]
    assert server.updates.allowed == {"message"}
