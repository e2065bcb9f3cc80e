"""Webhook mode: only Telegram can deliver updates."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from bot.cli import EXIT_CONFIG
from bot.texts import say
from tests.bot.adapters.telegram.running import Bot, running, settings_of, start
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of
from tests.fakes.telegram import Chat, FakeTelegram, User

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "clave-de-prueba_0123456789"  # noqa: S105
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Scene:
    server: FakeTelegram
    bot: Bot
    settings: dict[str, object]
    url: str

    async def post(self, body: str | bytes, secret: str | None = SECRET, path: str = "") -> int:
        """Deliver a body; the status of the response."""
        headers = {} if secret is None else {HEADER: secret}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, data=body, headers=headers) as response,
        ):
            return response.status


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/telegram/aqui"
    settings: dict[str, object] = {
        "TELEGRAM_WEBHOOK_URL": url,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "TELEGRAM_WEBHOOK_PORT": port,
    }
    folder = tmp_path_factory.mktemp("webhook")
    async with (
        FakeTelegram(flood=False) as server,
        running(server, checkpoints, folder, **settings) as bot,
    ):
        yield Scene(server, bot, settings, url)
        assert SECRET not in bot.log
        assert server.violations == []


@pytest_asyncio.fixture(loop_scope="module")
async def ana(scene: Scene) -> User:
    return scene.server.user("Ana")


@pytest_asyncio.fixture(loop_scope="module")
async def home(scene: Scene, ana: User) -> Chat:
    return scene.server.private(ana)


async def test_webhook_updates_are_answered(scene: Scene, ana: User, home: Chat) -> None:
    first = await answer(scene.server, ana, home, PHRASE)
    assert phrase_of(first) == PHRASE
    await (await scene.server.press(ana, first, say("button_again"))).answer()
    assert phrase_of(await scene.server.reply_to(first)) == PHRASE
    assert scene.server.called("getUpdates") == []
    (call,) = scene.server.called("setWebhook")
    assert set(json.loads(call.parameters["allowed_updates"])) == {
        "message",
        "callback_query",
        "inline_query",
        "guest_message",
        "my_chat_member",
    }


def message(number: int, home: Chat, ana: User, text: str = PHRASE) -> str:
    """An update in Telegram's format."""
    content = {
        "message_id": 900_000 + number,
        "date": int(time.time()),
        "chat": home.to_api(),
        "from": ana.to_api(),
        "text": text,
    }
    return json.dumps({"update_id": number, "message": content})


async def test_repeated_delivery_is_answered_once(scene: Scene, ana: User, home: Chat) -> None:
    await answer(scene.server, ana, home, "/start")
    before = len(scene.server.sent(home))
    statuses = [await scene.post(message(7, home, ana)) for _ in range(3)]
    assert statuses == [200, 200, 200]
    await scene.server.settled(home, lambda text: text.startswith(PHRASE))
    await asyncio.sleep(0.5)
    assert len(scene.server.sent(home)) == before + 1


@pytest.mark.parametrize("secret", [None, "", "x" * 26, SECRET + "x", SECRET.upper(), "ñ"])
async def test_missing_secret_is_rejected(
    scene: Scene, ana: User, home: Chat, secret: str | None
) -> None:
    assert await scene.post(message(8, home, ana), secret) == 403
    assert scene.server.sent(home) == []


async def test_invalid_bytes_are_a_wrong_secret(scene: Scene, ana: User, home: Chat) -> None:
    url, body = URL(scene.url), message(8, home, ana).encode()
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + f"{HEADER}: ".encode() + b"\xff\xfe\r\n\r\n" + body)
    assert (await reader.readline()).split()[1] == b"403"
    writer.close()
    await writer.wait_closed()


async def test_only_the_configured_path_is_served(scene: Scene, ana: User, home: Chat) -> None:
    assert await scene.post(message(9, home, ana), path="/mas") == 404
    async with aiohttp.ClientSession() as session, session.get(scene.url) as response:
        assert response.status == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b" " * ((1 << 20) + 1), 413),
        (b"[]", 200),
        (b"7", 200),
        (b'{"update_id": 11, "message": {"chat": 5}}', 200),
    ],
)
async def test_malformed_body_is_rejected(
    scene: Scene, ana: User, home: Chat, body: bytes, status: int
) -> None:
    assert await scene.post(body) == status
    assert phrase_of(await answer(scene.server, ana, home, PHRASE)) == PHRASE


async def test_port_in_use_is_reported(scene: Scene, checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram() as other:
        second = await start(settings_of(other, checkpoints, tmp_path, **scene.settings), tmp_path)
        assert await second.ended() == EXIT_CONFIG
    last = second.log.splitlines()[-1]
    assert last.startswith("No puedo escuchar en 127.0.0.1, puerto ")
    assert "Traceback" not in second.log
