"""A strict fake of the Telegram Bot API for real clients; see README.md."""

from tests.fakes.telegram.chats import Chat, User
from tests.fakes.telegram.messages import Message
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.fakes.telegram.world import Features

__all__ = ["TOKEN", "Chat", "FakeTelegram", "Features", "Message", "User"]
