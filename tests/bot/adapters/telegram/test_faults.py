"""Faults of the network and of Telegram: every request is answered, with one line in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.cli import EXIT_CONFIG
from bot.texts import say
from tests.bot.adapters.telegram.running import Bot, settings_of, start
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of, text_behind
from tests.fakes.telegram import Chat, FakeTelegram, User
from tests.fakes.telegram.faults import Fault, Faults

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = say("telegram_refused")


@dataclass
class Scene:
    server: FakeTelegram
    bot: Bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("faults")
    async with FakeTelegram(flood=False) as server:
        # A webhook is still set; its waiting updates are not lost.
        await _set_webhook(server)
        ana = server.user("Ana")
        waited = await server.say(ana, server.private(ana), PHRASE)
        bot = await start(settings_of(server, checkpoints, folder, TELEGRAM_POLL_SECONDS=1), folder)
        assert phrase_of(await text_behind(server, waited)) == PHRASE
        yield Scene(server, bot)
        if bot.process.returncode is None:
            bot.process.kill()
            await bot.ended()
        assert server.token not in bot.log
        assert "Traceback" not in bot.log
        assert PHRASE not in bot.log


async def _set_webhook(server: FakeTelegram) -> None:
    async with aiohttp.ClientSession() as session:
        url = {"url": "http://127.0.0.1:9/nobody"}
        await session.post(f"{server.base}/bot{server.token}/setWebhook", json=url)


@pytest_asyncio.fixture(loop_scope="module")
async def server(scene: Scene) -> AsyncIterator[FakeTelegram]:
    """A Telegram with faults, which end with each test."""
    yield scene.server
    scene.server.faults.clear()
    found = list(scene.server.violations)
    scene.server.violations.clear()
    assert found == []


@pytest_asyncio.fixture(loop_scope="module")
async def ana(server: FakeTelegram) -> User:
    return server.user("Ana")


@pytest_asyncio.fixture(loop_scope="module")
async def home(server: FakeTelegram, ana: User) -> Chat:
    return server.private(ana)


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda faults: faults.status("sendMessage", 502, 2), id="502"),
        pytest.param(lambda faults: faults.status("sendMessage", 500, 1), id="500"),
        pytest.param(lambda faults: faults.html("sendMessage", 502, 1), id="page"),
        pytest.param(lambda faults: faults.html("sendMessage", 200, 1), id="page for success"),
        pytest.param(lambda faults: faults.reset("sendMessage", 1, applied=False), id="reset"),
        pytest.param(lambda faults: faults.status("sendChatAction", 502, 5), id="no typing"),
        pytest.param(lambda faults: faults.slow("sendChatAction", 2.0), id="slow typing"),
    ],
)
async def test_answer_is_delivered_once_despite_errors(
    server: FakeTelegram, ana: User, home: Chat, fail: Callable[[Faults], Fault]
) -> None:
    fault = fail(server.faults)
    asked = await server.say(ana, home, PHRASE)
    assert phrase_of(await server.reply_to(asked)) == PHRASE
    assert fault.met >= 1
    assert len(server.replies_to(asked)) == 1


async def test_uncertain_message_is_sent_again(server: FakeTelegram, ana: User, home: Chat) -> None:
    server.faults.reset("sendMessage", applied=True)
    asked = await server.say(ana, home, PHRASE)
    await server.world.changes.until(
        lambda: len(server.replies_to(asked)) == 2, 10.0, "second message"
    )
    first, second = server.replies_to(asked)
    assert first.text == second.text


async def test_limited_chat_delays_no_other(server: FakeTelegram, ana: User, home: Chat) -> None:
    bea = server.user("Bea")
    server.faults.flood("sendMessage", 2, chat_id=home.id)
    started = time.monotonic()
    asked = await server.say(ana, home, PHRASE)
    await asyncio.sleep(0.3)
    await answer(server, bea, server.private(bea), PHRASE)
    assert time.monotonic() - started < 1.9
    await server.reply_to(asked)
    assert time.monotonic() - started > 2.0


async def test_lost_press_answer_keeps_the_text(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    first = await answer(server, ana, home, PHRASE)
    server.faults.status("answerCallbackQuery", 502, 3)
    await server.press(ana, first, say("button_again"))
    assert phrase_of(await server.reply_to(first)) == PHRASE


async def test_inline_answer_is_retried(server: FakeTelegram, ana: User) -> None:
    server.faults.reset("answerInlineQuery", 1, applied=False)
    offered = await (await server.inline(ana, PHRASE)).answer()
    assert offered.results[0].text.startswith(PHRASE)


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(lambda faults: faults.status("getUpdates", 502, 2), id="502"),
        pytest.param(lambda faults: faults.html("getUpdates", 502, 1), id="page"),
        pytest.param(lambda faults: faults.reset("getUpdates", 1, applied=False), id="reset"),
        pytest.param(lambda faults: faults.conflict(1), id="409"),
        pytest.param(lambda faults: faults.flood("getUpdates", 1), id="429"),
        pytest.param(lambda faults: faults.stall(), id="stalled"),
    ],
)
async def test_polling_recovers_and_logs_once(
    scene: Scene, server: FakeTelegram, ana: User, home: Chat, fail: Callable[[Faults], Fault]
) -> None:
    before = scene.bot.log.count("WARNING")
    fault = fail(server.faults)
    while not fault.met:  # noqa: ASYNC110 (the fake tells nobody when a fault is met)
        await asyncio.sleep(0.05)
    asked = await server.say(ana, home, PHRASE)
    assert phrase_of(await server.reply_to(asked, 15.0)) == PHRASE
    assert len(server.replies_to(asked)) == 1
    await asyncio.sleep(0.1)
    assert scene.bot.log.count("WARNING") - before == 1


async def test_broken_deliveries_are_answered_once(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    server.faults.reset("getUpdates", 1, applied=True)
    asked = await server.say(ana, home, PHRASE)
    await server.reply_to(asked)
    await asyncio.sleep(1.2)
    assert len(server.replies_to(asked)) == 1


async def test_outage_is_survived(server: FakeTelegram, ana: User, home: Chat) -> None:
    await server.refuse_connections(1.5)
    asked = await server.say(ana, home, PHRASE)
    assert phrase_of(await server.reply_to(asked, 20.0)) == PHRASE


MALFORMED: list[dict[str, object]] = [
    {},
    {"message": {}},
    {"message": {"message_id": "x", "date": "y", "chat": 5}},
    {"message": None},
    {"callback_query": {"id": "1"}},
    {"callback_query": {"id": "1", "from": {"id": 1, "is_bot": False, "first_name": "A"}}},
    {"inline_query": {"id": 5, "from": None, "query": None}},
    {"something_new": {"a": [1, 2, {"b": None}]}},
    {"message": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}},
    {"my_chat_member": {"chat": {"id": -1, "type": "group"}}},
    {"poll": 7},
]


async def test_malformed_updates_are_skipped_and_confirmed(
    scene: Scene, server: FakeTelegram, ana: User, home: Chat
) -> None:
    numbers = [server.malformed_update(raw) for raw in MALFORMED]
    asked = await server.say(ana, home, PHRASE)
    assert phrase_of(await server.reply_to(asked)) == PHRASE
    for number in numbers:
        await server.took(number)
    server.violations.clear()  # the press does not exist, so its answer is refused


async def test_revoked_token_ends_the_bot(scene: Scene, server: FakeTelegram) -> None:
    server.faults.revoke()
    assert await scene.bot.ended() == EXIT_CONFIG
    assert scene.bot.log.splitlines()[-1] == REFUSED
    server.violations.clear()


async def test_invalid_token_ends_the_bot(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram() as server:
        settings = settings_of(server, checkpoints, tmp_path)
        wrong = "9999999999:" + "B" * 35
        bot = await start(settings | {"TELEGRAM_TOKEN": wrong}, tmp_path)
        assert await bot.ended() == EXIT_CONFIG
    assert bot.log.splitlines()[-1] == REFUSED
    assert len(bot.log.splitlines()) == 2  # the supervisor's line and the error message
    assert wrong not in bot.log
