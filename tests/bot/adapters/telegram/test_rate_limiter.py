"""Telegram's limits are kept: by the fake's own count, and by the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from telegram.constants import ChatAction

from bot.adapters.telegram import rate_limiter
from bot.adapters.telegram.link import Link
from bot.adapters.telegram.rate_limiter import DroppedError, Priority, RateLimiter
from tests.fakes.telegram import FakeTelegram


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server
        assert server.violations == []


@pytest.fixture
async def link(server: FakeTelegram) -> AsyncIterator[Link]:
    """The adapter's own client and limiter."""
    link = Link(server.token, base_url=f"{server.base}/bot", rate_limiter=RateLimiter())
    async with link:
        yield link


async def homes(server: FakeTelegram, count: int) -> list[int]:
    """Private chats that have begun."""
    chats = []
    for number in range(count):
        user = server.user(f"Persona {number}")
        chats.append(server.private(user))
        await server.say(user, chats[-1], "hola")
    return [chat.id for chat in chats]


async def test_a_chat_gets_a_few_at_once_and_then_one_a_second(
    server: FakeTelegram, link: Link
) -> None:
    (chat,) = await homes(server, 1)
    started = time.monotonic()
    await asyncio.gather(*(link.send_message(chat, str(number)) for number in range(6)))
    assert 3.0 < time.monotonic() - started < 4.5
    assert server.flooded == []
    assert [call.parameters["text"] for call in server.called("sendMessage")] == list("012345")


async def test_all_together_keep_to_thirty_a_second(server: FakeTelegram, link: Link) -> None:
    chats = await homes(server, 45)
    started = time.monotonic()
    await asyncio.gather(*(link.send_message(chat, "hola") for chat in chats))
    assert 1.0 < time.monotonic() - started < 6.0
    assert server.flooded == []


async def test_a_chat_that_must_be_left_alone_holds_up_no_other(
    server: FakeTelegram, link: Link
) -> None:
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


async def test_answers_go_before_notices_and_what_can_be_dropped_is(
    server: FakeTelegram, link: Link
) -> None:
    (chat,) = await homes(server, 1)
    for text in "abc":
        await link.send_message(chat, text)
    waiting = [
        asyncio.create_task(link.send_message(chat, text, rate_limit_args=priority))
        for text, priority in (("notice", Priority.NOTICE), ("answer", Priority.ANSWER))
    ]
    await asyncio.sleep(0)
    for priority in (Priority.DRAFT, Priority.TYPING):
        with pytest.raises(DroppedError):
            await link.send_message(chat, "draft", rate_limit_args=priority)
    await asyncio.gather(*waiting)
    sent = [call.parameters["text"] for call in server.called("sendMessage")]
    assert sent == ["a", "b", "c", "answer", "notice"]


async def test_drafts_leave_room_for_the_answer(server: FakeTelegram, link: Link) -> None:
    (chat,) = await homes(server, 1)
    for text in "ab":
        await link.send_message(chat, text, rate_limit_args=Priority.DRAFT)
    with pytest.raises(DroppedError):
        await link.send_message(chat, "c", rate_limit_args=Priority.DRAFT)
    started = time.monotonic()
    await link.send_message(chat, "d", rate_limit_args=Priority.ANSWER)
    assert time.monotonic() - started < 0.5


async def test_settings_and_presses_take_no_room(server: FakeTelegram, link: Link) -> None:
    (chat,) = await homes(server, 1)
    for text in "abc":
        await link.send_message(chat, text)
    started = time.monotonic()
    await link.get_chat(chat)
    await link.set_my_short_description("x")
    assert time.monotonic() - started < 0.5


async def test_a_group_has_so_many_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_a_request_that_is_given_up_leaves_the_queue() -> None:
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


async def test_chats_that_are_quiet_are_forgotten() -> None:
    now = 0.0
    limiter = RateLimiter(lambda: now)

    async def send() -> bool:
        return True

    for chat in range(1, 5001):
        now += 1.0
        await limiter.process_request(send, (), {}, "sendMessage", {"chat_id": chat}, None)
    assert limiter.chats <= rate_limiter.CHATS + 10
