"""The update queue, polled by a real client and delivered to a real webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, InvalidToken
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes

from tests.fakes.telegram import Chat, FakeTelegram, Message, User
from tests.fakes.telegram.clients import client
from tests.fakes.telegram.server import TOKEN

WORD = "s3cr-t_"


@pytest.fixture
def ana(server: FakeTelegram) -> User:
    return server.user("Ana")


@pytest.fixture
def chat(server: FakeTelegram, ana: User) -> Chat:
    return server.private(ana)


def number(message: Message) -> int:
    assert message.update_id is not None
    return message.update_id


def texts(updates: Sequence[Update]) -> list[str | None]:
    return [update.message.text if update.message else None for update in updates]


async def test_bot_knows_its_identity(server: FakeTelegram, bot: Bot) -> None:
    assert bot.username == "litteragpt_bot"
    assert (await bot.get_me()).supports_guest_queries
    assert [call.method for call in server.calls] == ["getme", "getme"]


async def test_refuses_foreign_token(server: FakeTelegram) -> None:
    for token in ("4242:" + "B" * 35, "nonsense"):
        with pytest.raises(InvalidToken):
            await client(server, token).initialize()
    assert server.violations == ["getme: Unauthorized", "getme: Not Found"]


async def test_update_repeats_until_confirmed(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    first, second = await server.say(ana, chat, "uno"), await server.say(ana, chat, "dos")
    for _ in range(2):
        updates = await bot.get_updates()
        assert texts(updates) == ["uno", "dos"]
    assert not server.confirmed(number(first))
    updates = await bot.get_updates(offset=updates[1].update_id)
    assert texts(updates) == ["dos"]
    assert server.confirmed(number(first))
    assert not server.confirmed(number(second))
    assert [update.update_id for update in await bot.get_updates(offset=0)] == [second.update_id]


async def test_negative_offset_drops_older_updates(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    said = ["uno", "dos", "tres"]
    messages = [await server.say(ana, chat, text) for text in said]
    assert texts(await bot.get_updates(offset=-1)) == ["tres"]
    assert server.confirmed(number(messages[1]))
    assert len(await bot.get_updates()) == 1


async def test_poll_respects_limit(server: FakeTelegram, bot: Bot, ana: User, chat: Chat) -> None:
    for text in "abc":
        await server.say(ana, chat, text)
    assert len(await bot.get_updates(limit=2)) == 2


async def test_waits_for_returning_client(server: FakeTelegram, bot: Bot) -> None:
    await bot.get_updates()
    await server.connected(0.1)
    with pytest.raises(AssertionError):
        await server.connected(0.01, again=True)
    poll = asyncio.create_task(bot.get_updates())
    await server.connected(5, again=True)
    await poll


async def test_long_poll_ends_with_first_update(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await server.connected(5)
    await server.say(ana, chat, "hola")
    assert texts(await poll) == ["hola"]


async def test_long_poll_without_updates_is_empty(bot: Bot) -> None:
    assert await bot.get_updates(timeout=1) == ()


async def test_newer_poller_replaces_older(server: FakeTelegram, bot: Bot) -> None:
    async with client(server) as other:
        first = asyncio.create_task(bot.get_updates(timeout=10))
        await server.connected(5)
        second = asyncio.create_task(other.get_updates(timeout=1))
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await first
        assert await second == ()
    assert len(server.violations) == 1


async def test_poll_of_disconnected_client_takes_no_updates(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    async with client(server) as other:
        lost = asyncio.create_task(other.get_updates(timeout=10))
        await server.connected(5)
        lost.cancel()
    message = await server.say(ana, chat, "hola")
    assert [update.update_id for update in await bot.get_updates(timeout=5)] == [message.update_id]
    assert server.violations == []


async def test_updates_expire_after_a_day(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    message = await server.say(ana, chat, "ayer")
    server.advance(24 * 3600 + 1)
    assert await bot.get_updates() == ()
    assert number(message) in server.updates.expired
    assert not server.confirmed(number(message))
    await server.say(ana, chat, "anteayer", ago=2 * 24 * 3600)
    assert await bot.get_updates() == ()


async def test_queues_only_allowed_kinds(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    await bot.get_updates(allowed_updates=["inline_query"])
    await server.say(ana, chat, "nadie escucha")
    await server.inline(ana, "En un lugar")
    assert [update.inline_query is not None for update in await bot.get_updates()] == [True]
    assert server.updates.ignored == ["message"]


async def test_malformed_update_arrives_unchanged(server: FakeTelegram, bot: Bot) -> None:
    server.malformed_update({"message": {"sin": "sentido"}})
    with pytest.raises(KeyError, match="date"):
        await bot.get_updates()


class Hook:
    """A web server that responds with `statuses` and then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.secrets: list[str | None] = []
        self.at_once, self.most_at_once = 0, 0
        self.seconds = 0.0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def test_webhook_repeats_updates_with_secret_until_accepted(
    server: FakeTelegram, bot: Bot, hook: Hook, ana: User, chat: Chat
) -> None:
    hook.statuses = [500, 403]
    await bot.set_webhook(hook.url, secret_token=WORD)
    message = await server.say(ana, chat, "hola")
    await server.took(number(message))
    assert [body["update_id"] for body in hook.bodies] == [message.update_id] * 3
    assert set(hook.secrets) == {WORD}
    assert server.delivery.deliveries.log == [(number(message), code) for code in (500, 403, 200)]
    assert (await bot.get_webhook_info()).last_error_message is not None


async def test_webhook_is_serial_per_chat_and_parallel_across(
    server: FakeTelegram, bot: Bot, hook: Hook
) -> None:
    hook.seconds = 0.05
    await bot.set_webhook(hook.url, max_connections=2)
    people = [server.user(name) for name in ("Ana", "Blas", "Cleo")]
    for text in ("uno", "dos"):
        messages = [await server.say(user, server.private(user), text) for user in people]
    for message in messages:
        await server.took(number(message))
    assert hook.most_at_once == 2
    for user in people:
        texts = [
            body["message"]["text"]
            for body in hook.bodies
            if body["message"]["chat"]["id"] == user.id
        ]
        assert texts == ["uno", "dos"]


async def test_update_repeats_after_lost_response(
    server: FakeTelegram, bot: Bot, hook: Hook, ana: User, chat: Chat
) -> None:
    server.delivery.deliveries.routes["https://bot.example.org"] = hook.url.removesuffix("/hook")
    server.delivery.deliveries.lost_answers = 1
    await bot.set_webhook("https://bot.example.org/hook")
    message = await server.say(ana, chat, "hola")
    await server.took(number(message))
    assert [body["update_id"] for body in hook.bodies] == [message.update_id] * 2


async def test_polling_and_webhook_exclude_each_other(
    server: FakeTelegram, bot: Bot, hook: Hook
) -> None:
    await bot.set_webhook(hook.url)
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    assert len(server.violations) == 1
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_drops_pending_updates_on_request(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    message = await server.say(ana, chat, "hola")
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()
    assert number(message) in server.updates.dropped


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://example.org/hook", ""),
        ("https://example.org:3000/hook", ""),
        ("ftp://127.0.0.1/", ""),
        ("https://example.org/hook", "a b"),
        ("https://example.org/hook", "ñ"),
        ("https://example.org/hook", "a" * 257),
    ],
)
async def test_validates_webhook(server: FakeTelegram, bot: Bot, url: str, secret: str) -> None:
    with pytest.raises(BadRequest):
        await bot.set_webhook(url, secret_token=secret or None)
    assert len(server.violations) == 1


async def test_application_polls_and_answers(server: FakeTelegram, ana: User, chat: Chat) -> None:
    async def escribe(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        await update.message.reply_text("En un lugar", do_quote=True)

    app: Application[Any, Any, Any, Any, Any, Any] = (
        ApplicationBuilder().token(TOKEN).base_url(f"{server.base}/bot").build()
    )
    app.add_handler(CommandHandler("escribe", escribe))
    await app.initialize()
    await app.start()
    assert app.updater is not None
    await app.updater.start_polling(timeout=5)
    try:
        await server.connected()
        question = await server.say(ana, chat, "/escribe hola")
        answer = await server.reply_to(question, 5)
        assert answer.text == "En un lugar"
        assert answer.reply_to is question
        await server.took(number(question))
    finally:
        await app.updater.stop()
        await app.stop()
        await app.shutdown()
    assert server.violations == []
