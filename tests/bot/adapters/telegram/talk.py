"""Helpers of tests of conversations."""

from __future__ import annotations

from bot.adapters.telegram.rendering import JOINER
from model.text.normalize import normalize
from tests.fakes.telegram import Chat, FakeTelegram, Message, User
from tests.fakes.telegram.entities import covered

PHRASE = "En un lugar de la Mancha"


def phrase_of(message: Message) -> str:
    """The phrase of an answer, which is bold."""
    (bold,) = [entity for entity in message.entities if entity["type"] == "bold"]
    return covered(message.text, bold).replace(JOINER, "")


def text_of(message: Message) -> str:
    """The phrase of an answer and its continuation, without notices. A random model's text is
    normalized like any input."""
    return normalize(message.text.partition("\n\n")[0])


def found(message: Message) -> set[str]:
    """The kinds of entities in a message."""
    return {entity["type"] for entity in message.entities}


async def answer(
    server: FakeTelegram,
    user: User,
    chat: Chat,
    text: str,
    *,
    reply_to: Message | None = None,
    topic: str | None = None,
) -> Message:
    """Send a message and wait for the reply."""
    message = await server.say(user, chat, text, reply_to=reply_to, topic=topic)
    return await server.reply_to(message)


async def text_behind(server: FakeTelegram, message: Message) -> Message:
    """Wait for the answer to a message that waited for the bot, which replaces
    a note."""

    def written() -> Message | None:
        replies = server.replies_to(message)
        return next((reply for reply in replies if "bold" in found(reply)), None)

    return await server.world.changes.until(written, 10.0, f"text behind {message.text!r}")


async def answers(server: FakeTelegram, message: Message, count: int) -> list[Message]:
    """Wait until a message has this number of replies."""
    return await server.world.changes.until(
        lambda: replies if len(replies := server.replies_to(message)) >= count else None,
        10.0,
        f"{count} answers",
    )
