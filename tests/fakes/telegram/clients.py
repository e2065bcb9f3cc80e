"""python-telegram-bot clients of a fake Telegram, and pictures for them to send."""

from __future__ import annotations

import io

from PIL import Image
from telegram import Bot

from tests.fakes.telegram.server import FakeTelegram


def client(server: FakeTelegram, token: str | None = None) -> Bot:
    """A client of `server`, not yet initialized."""
    return Bot(token or server.token, base_url=f"{server.base}/bot")


def png(width: int, height: int) -> bytes:
    """A PNG picture of this size in pixels."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()
