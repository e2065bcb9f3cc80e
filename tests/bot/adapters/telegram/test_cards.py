"""Cards, requested by the button below an answer."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.texts import say
from tests.bot.adapters.telegram.running import running, settings_of, start
from tests.bot.adapters.telegram.talk import PHRASE, answer, answers
from tests.bot.adapters.telegram.test_buttons import DELETE, NOTHING, alert
from tests.fakes.telegram import Chat, FakeTelegram, Message, User

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

CARD = say("button_card")


def picture_of(message: Message) -> Image.Image:
    """The picture of a message without text."""
    assert message.photo is not None
    assert message.text == ""
    picture = Image.open(io.BytesIO(message.photo.data))
    assert (picture.format, picture.width) == ("PNG", 1200)
    return picture


async def card(server: FakeTelegram, user: User, message: Message) -> Message:
    """Press the button and wait for the card."""
    assert await (await server.press(user, message, CARD)).answer() == NOTHING
    return (await answers(server, message, len(server.replies_to(message)) + 1))[-1]


async def test_card_replies_to_its_text(server: FakeTelegram, ana: User, home: Chat) -> None:
    text = await answer(server, ana, home, PHRASE)
    shown = await card(server, ana, text)
    picture_of(shown)
    assert shown.reply_to is text
    assert shown.labels == [DELETE]


async def test_requester_may_delete_card_in_group(server: FakeTelegram, ana: User) -> None:
    bea = server.user("Bea", language="en")
    group = server.supergroup("Tertulia", server.user("Jefa"), ana, bea, topics=("Novela",))
    question = await server.say(ana, group, f"/escribe@litteragpt_bot {PHRASE}", topic="Novela")
    text = await server.reply_to(question)
    shown = await card(server, bea, text)
    picture_of(shown)
    assert shown.topic == text.topic
    press = await server.press(ana, shown, say("button_delete", "en"))
    assert await press.answer() == alert("not_yours")
    press = await server.press(bea, shown, say("button_delete", "en"))
    assert await press.answer() == NOTHING
    assert shown.deleted
    assert not text.deleted


async def test_forbidden_pictures_are_reported(server: FakeTelegram, ana: User) -> None:
    group = server.supergroup("Sin fotos", server.user("Jefa"), ana)
    group.takes_photos = False
    text = await answer(server, ana, group, f"/escribe@litteragpt_bot {PHRASE}")
    told = await card(server, ana, text)
    assert told.photo is None
    assert told.text == say("card_failed")


async def test_card_survives_dropped_connection(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    text = await answer(server, ana, home, PHRASE)
    server.faults.reset("sendPhoto", applied=False)
    server.faults.html("sendPhoto", 502)
    picture_of(await card(server, ana, text))


async def test_cards_have_their_own_limit(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        async with running(server, checkpoints, tmp_path, person_per_minute=1):
            text = await answer(server, ana, server.private(ana), PHRASE)
            picture_of(await card(server, ana, text))
            refusal = await (await server.press(ana, text, CARD)).answer()
            assert refusal.alert
            assert refusal.text.startswith(say("card_minute", limit=1, wait="").partition(";")[0])
        assert server.violations == []


async def test_running_card_survives_shutdown(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        bot = await start(settings_of(server, checkpoints, tmp_path), tmp_path)
        await bot.until(server.connected())
        text = await answer(server, ana, home, PHRASE)
        server.faults.stall("sendPhoto")
        press = await server.press(ana, text, CARD)
        assert await press.answer() == NOTHING
        assert press.update_id is not None
        await server.took(press.update_id)
        bot.process.kill()
        await bot.ended()
        server.faults.clear()
        async with running(server, checkpoints, tmp_path):
            picture_of((await answers(server, text, 1))[-1])
        assert len(server.replies_to(text)) == 1
