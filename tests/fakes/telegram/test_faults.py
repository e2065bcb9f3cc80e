"""Injected faults reach the real client as the network and the real server cause them."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from tests.fakes.telegram import Chat, FakeTelegram


@pytest.fixture
async def chat(server: FakeTelegram) -> Chat:
    ana = server.user("Ana")
    await server.say(ana, server.private(ana), "/start")
    return server.private(ana)


def texts(server: FakeTelegram, chat: Chat) -> list[str]:
    return [message.text for message in server.sent(chat)]


async def test_flood_affects_given_number_of_requests(
    server: FakeTelegram, bot: Bot, chat: Chat
) -> None:
    fault = server.faults.flood("sendMessage", retry_after=3, times=2, chat_id=chat.id)
    for _ in range(2):
        with pytest.raises(RetryAfter) as raised:
            await bot.send_message(chat.id, "hola")
        assert raised.value.retry_after == timedelta(seconds=3)
    await bot.send_message(chat.id, "hola")
    assert (fault.met, server.flooded, server.violations) == (2, [], [])


@pytest.mark.parametrize("status", [500, 502])
async def test_server_error_has_no_effect(
    server: FakeTelegram, bot: Bot, chat: Chat, status: int
) -> None:
    server.faults.status("sendMessage", status)
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "perdido")
    await bot.send_message(chat.id, "llegado")
    assert texts(server, chat) == ["llegado"]


async def test_html_instead_of_json(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    server.faults.html("*", times=1)
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(chat.id, "hola")
    server.faults.html("sendMessage", status=200)
    with pytest.raises(TelegramError, match="Invalid server response"):
        await bot.send_message(chat.id, "hola")


@pytest.mark.parametrize("applied", [False, True])
async def test_reset_before_or_after_effect(
    server: FakeTelegram, bot: Bot, chat: Chat, applied: bool
) -> None:
    server.faults.reset("sendMessage", applied=applied)
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "hola")
    assert texts(server, chat) == ["hola"] * applied
    assert [call.status for call in server.called("sendMessage")] == [200 if applied else 0]


async def test_slow_response_has_effect(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    server.faults.slow("sendMessage", 0.3)
    with pytest.raises(TimedOut):
        await bot.send_message(chat.id, "hola", read_timeout=0.1)
    assert texts(server, chat) == ["hola"]


async def test_poll_can_hang(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    server.faults.stall()
    with pytest.raises(TimedOut):
        await bot.get_updates(timeout=0, read_timeout=0.1)
    server.faults.stall()
    hanging = asyncio.create_task(bot.get_updates(read_timeout=5))
    await asyncio.sleep(0.1)
    server.faults.clear()
    server.advance(0)
    with pytest.raises(NetworkError):
        await hanging
    assert len(await bot.get_updates()) == 1


async def test_revoked_token_is_refused(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    server.faults.revoke()
    for call in (bot.get_me, bot.get_updates):
        with pytest.raises(InvalidToken):
            await call()


async def test_conflict_of_another_poller(server: FakeTelegram, bot: Bot) -> None:
    server.faults.conflict(times=2)
    for _ in range(2):
        with pytest.raises(Conflict):
            await bot.get_updates()
    await bot.get_updates()
    assert server.violations == []


async def test_refuses_connections_for_a_while(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    poll = asyncio.create_task(bot.get_updates(offset=-1, timeout=10))
    await poll
    waiting = asyncio.create_task(bot.get_updates(offset=(await poll)[0].update_id + 1, timeout=9))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await server.refuse_connections(0.3)
    for attempt in (waiting, bot.send_message(chat.id, "hola")):
        with pytest.raises(NetworkError):
            await attempt
    assert time.monotonic() - started < 0.25
    await asyncio.sleep(0.35)
    await bot.send_message(chat.id, "de vuelta")
    assert texts(server, chat) == ["de vuelta"]
