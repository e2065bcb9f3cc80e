"""A strict Telegram Bot API server for tests, on a loopback port in the test's own event loop.

People act through it (`say`, `press`, `inline`, `guest`, …), a real bot talks to it over HTTP, and
it answers as https://core.telegram.org/bots/api and tdlib/telegram-bot-api do. A client's offences
are collected in `FakeTelegram.violations`, which a good bot leaves empty.
"""

from tests.fakes.telegram.chats import Chat, User
from tests.fakes.telegram.messages import Message
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.fakes.telegram.world import Features

__all__ = ["TOKEN", "Chat", "FakeTelegram", "Features", "Message", "User"]
