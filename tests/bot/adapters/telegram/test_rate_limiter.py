"""Telegram's limits are met, by the fake's count and by the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from telegram.constants import ChatAction

from bot.adapters.telegram import rate_limiter
from bot.adapters.telegram.connection import BotConnection
from bot.adapters.telegram.rate_limiter import DroppedError, Priority, RateLimiter
from tests.fakes.telegram import FakeTelegram


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server
        assert server.violations == []


@pytest.fixture
async def link(server: FakeTelegram) -> AsyncIterator[BotConnection]:
    """The adapter's client and limiter."""
    link = BotConnection(server.token, base_url=f"{server.base}/bot", rate_limiter=RateLimiter())
    async with link:
        yield link


async def homes(server: FakeTelegram, count: int) -> list[int]:
    """Private chats with the bot."""
    chats = []
    for number in range(count):
        user = server.user(f"Persona {number}")
        chats.append(server.private(user))
        await server.say(user, chats[-1], "hola")
    return [chat.id for chat in chats]


async def test_chat_limit_is_a_burst_then_one_a_second(
    server: FakeTelegram, link: BotConnection
) -> None:
    (chat,) = await homes(server, 1)
    started = time.monotonic()
    await asyncio.gather(*(link.send_message(chat, str(number)) for number in range(6)))
    assert 3.0 < time.monotonic() - started < 4.5
    assert server.flooded == []
    assert [call.parameters["text"] for call in server.called("sendMessage")] == list("012345")


async def test_overall_limit_is_thirty_a_second(server: FakeTelegram, link: BotConnection) -> None:
    chats = await homes(server, 45)
    started = time.monotonic()
    await asyncio.gather(*(link.send_message(chat, "hola") for chat in chats))
    assert 1.0 < time.monotonic() - started < 6.0
    assert server.flooded == []


async def test_blocked_chat_delays_no_other(server: FakeTelegram, link: BotConnection) -> None:
    one, other = await homes(server, 2)
    server.faults.flood("sendMessage", 2, times=1, chat_id=one)
    started = time.monotonic()
    held = asyncio.create_task(link.send_message(one, "uno"))
    await asyncio.sleep(0.1)
    with pytest.raises(DroppedError):
        await link.send_chat_action(one, ChatAction.TYPING, rate_limit_args=Priority.TYPING)
    await link.send_message(other, "dos")
    assert time.monotonic() - started < 1.0
    await held
    assert 2.0 < time.monotonic() - started < 4.0


async def test_answers_precede_notices_and_typing_is_dropped(
    server: FakeTelegram, link: BotConnection
) -> None:
    (chat,) = await homes(server, 1)
    for text in "abc":
        await link.send_message(chat, text)
    waiting = [
        asyncio.create_task(link.send_message(chat, text, rate_limit_args=priority))
        for text, priority in (("notice", Priority.NOTICE), ("answer", Priority.ANSWER))
    ]
    await asyncio.sleep(0)
    for priority in (Priority.PREVIEW, Priority.TYPING):
        with pytest.raises(DroppedError):
            await link.send_message(chat, "draft", rate_limit_args=priority)
    await asyncio.gather(*waiting)
    sent = [call.parameters["text"] for call in server.called("sendMessage")]
    assert sent == ["a", "b", "c", "answer", "notice"]


async def test_previews_leave_capacity_for_the_answer(
    server: FakeTelegram, link: BotConnection
) -> None:
    (chat,) = await homes(server, 1)
    for text in "ab":
        await link.send_message(chat, text, rate_limit_args=Priority.PREVIEW)
    with pytest.raises(DroppedError):
        await link.send_message(chat, "c", rate_limit_args=Priority.PREVIEW)
    started = time.monotonic()
    await link.send_message(chat, "d", rate_limit_args=Priority.ANSWER)
    assert time.monotonic() - started < 0.5


async def test_settings_and_presses_are_not_limited(
    server: FakeTelegram, link: BotConnection
) -> None:
    (chat,) = await homes(server, 1)
    for text in "abc":
        await link.send_message(chat, text)
    started = time.monotonic()
    await link.get_chat(chat)
    await link.set_my_short_description("x")
    assert time.monotonic() - started < 0.5


async def test_group_limit_is_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "GROUP", (4, 1.0))
    monkeypatch.setattr(rate_limiter, "CHAT_SECONDS", 0.01)
    limiter, sent = RateLimiter(), []

    async def send() -> bool:
        sent.append(time.monotonic())
        return True

    async def request() -> None:
        await limiter.process_request(send, (), {}, "sendMessage", {"chat_id": -5}, None)

    await asyncio.gather(*(request() for _ in range(9)))
    assert all(later - earlier >= 1.0 for earlier, later in zip(sent, sent[4:], strict=False))
    assert sent[-1] - sent[0] < 4.0


async def test_cancelled_request_leaves_the_queue() -> None:
    limiter = RateLimiter()

    async def send() -> bool:
        return True

    async def request() -> None:
        await limiter.process_request(send, (), {}, "sendMessage", {"chat_id": 5}, None)

    for _ in range(3):
        await request()
    waiting = [asyncio.create_task(request()) for _ in range(4)]
    await asyncio.sleep(0.01)
    for task in waiting[:3]:
        task.cancel()
    started = time.monotonic()
    await waiting[3]
    assert time.monotonic() - started < 1.5


async def test_idle_chats_are_forgotten() -> None:
    now = 0.0
    limiter = RateLimiter(lambda: now)

    async def send() -> bool:
        return True

    for chat in range(1, 5001):
        now += 1.0
        await limiter.process_request(send, (), {}, "sendMessage", {"chat_id": chat}, None)
    assert limiter.chats <= rate_limiter.CHATS + 10
