"""The buttons below an answer, and forged ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.requests.buttons import Button, Verb
from bot.texts import ENGLISH, say
from model.text.normalize import normalize
from tests.bot.adapters.telegram.conftest import Town
from tests.bot.adapters.telegram.talk import PHRASE, answer, answers, phrase_of, text_of
from tests.fakes.telegram import Chat, FakeTelegram, Message, User
from tests.fakes.telegram.queries import CallbackAnswer

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTINUE, AGAIN, DELETE = say("button_continue"), say("button_again"), say("button_delete")
NOTHING = CallbackAnswer("", alert=False, url="")


def alert(key: str) -> CallbackAnswer:
    """An alert with this text."""
    return CallbackAnswer(say(key), alert=True, url="")


def data_of(message: Message, label: str) -> Button:
    """The fields of a button."""
    button = Button.read(message.button(label)["callback_data"])
    assert button is not None
    return button


async def test_continue_starts_from_the_end(server: FakeTelegram, ana: User, home: Chat) -> None:
    first = await answer(server, ana, home, PHRASE)
    press = await server.press(ana, first, CONTINUE)
    assert await press.answer() == NOTHING
    second = await server.reply_to(first)
    # The model may complete the word before an ellipsis, which then disappears.
    ended = text_of(first).removesuffix("...")
    assert ended.endswith(normalize(phrase_of(second)).removesuffix("..."))
    assert data_of(second, CONTINUE).user == ana.id


async def test_again_uses_same_phrase_and_new_seed(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    first = await answer(server, ana, home, "/escribe Vino @ana a /ver ejemplo.com")
    await (await server.press(ana, first, AGAIN)).answer()
    second = await server.reply_to(first)
    assert phrase_of(second) == phrase_of(first) == "Vino @ana a /ver ejemplo.com"
    assert data_of(second, AGAIN).seed != data_of(first, AGAIN).seed
    assert text_of(second) != text_of(first)


async def test_press_is_answered_in_topic_and_language(server: FakeTelegram, ana: User) -> None:
    bob = server.user("Bob", language="en")
    forum = server.supergroup("Foro", ana, bob, topics=("Prosa",))
    first = await answer(server, ana, forum, f"/escribe@litteragpt_bot {PHRASE}", topic="Prosa")
    await (await server.press(bob, first, AGAIN)).answer()
    second = await server.reply_to(first)
    assert second.topic == first.topic
    assert say("button_again", ENGLISH) in second.labels
    assert data_of(second, say("button_again", ENGLISH)).user == bob.id


async def test_every_press_is_answered_once(server: FakeTelegram, ana: User) -> None:
    people = [server.user(f"Persona {number}") for number in range(6)]
    group = server.supergroup("Tertulia", ana, *people)
    first = await answer(server, ana, group, f"/escribe@litteragpt_bot {PHRASE}")
    presses = [await server.press(person, first, AGAIN) for person in people]
    for press in presses:
        assert await press.answer() == NOTHING
    await answers(server, first, len(people))
    assert all(len(press.answered) == 1 for press in presses)


async def test_only_requester_and_moderators_may_delete(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    bea, boss = server.user("Bea"), server.user("Jefa")
    group = server.supergroup("Tertulia", boss, ana, bea)
    messages = [
        await answer(server, ana, group, f"/escribe@litteragpt_bot {PHRASE}") for _ in range(2)
    ]
    assert await (await server.press(bea, messages[0], DELETE)).answer() == alert("not_yours")
    assert not messages[0].deleted
    assert await (await server.press(ana, messages[0], DELETE)).answer() == NOTHING
    assert messages[0].deleted
    assert await (await server.press(boss, messages[1], DELETE)).answer() == NOTHING
    assert messages[1].deleted
    private = await answer(server, ana, home, PHRASE)
    assert await (await server.press(ana, private, DELETE)).answer() == NOTHING
    assert private.deleted


async def test_forged_delete_button_is_refused(server: FakeTelegram, ana: User) -> None:
    bea, boss = server.user("Bea"), server.user("Jefa")
    group = server.supergroup("Tertulia", boss, ana, bea)
    theirs = await answer(server, ana, group, f"/escribe@litteragpt_bot {PHRASE}")
    forged = replace(data_of(theirs, DELETE), user=bea.id)
    assert await (await server.forge_press(bea, theirs, forged.id)).answer() == alert("not_yours")
    assert not theirs.deleted


@pytest.mark.parametrize(
    "data",
    [
        "x",
        "c.1.1.2080.c3efbc19028a",
        "c.1.1.2999.c3efbc19028a.",  # a temperature of 9.99
        "c.zzzzzzzzzzzzz.zzzzzzzzzzzzz.2080.c3efbc19028a.galdos",  # an invalid seed
        "d.1.1.9080.c3efbc19028a.",
        "r.000000000000000000000000",
        "r.../../etc",
        "\x00" * 64,
        "c" * 64,
        "ñ" * 32,
    ],
)
async def test_forged_buttons_are_refused(
    server: FakeTelegram, ana: User, home: Chat, data: str
) -> None:
    first = await answer(server, ana, home, "/ayuda")
    press = await server.forge_press(ana, first, data)
    told = await press.answer()
    assert told in (alert("stale_button"), alert("not_admin"))
    assert server.replies_to(first) == []


async def test_valid_button_below_other_message_is_stale(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    good = await answer(server, ana, home, PHRASE)
    data = good.button(CONTINUE)["callback_data"]
    other = await answer(server, ana, home, "/ayuda")
    theirs = await server.say(ana, home, "/start")
    for message in (other, theirs):
        press = await server.forge_press(ana, message, data)
        assert await press.answer() == alert("stale_button")
    await server.delete(good)
    assert await (await server.forge_press(ana, good, data)).answer() == alert("stale_button")


async def test_refused_deletion_is_reported(server: FakeTelegram, ana: User, home: Chat) -> None:
    from tests.fakes.telegram.messages import Version

    first = await answer(server, ana, home, PHRASE)
    old = first.history[0]
    first.history[0] = Version(old.text, old.entities, old.markup, old.link_preview, old.at - 2e5)
    press = await server.press(ana, first, DELETE)
    assert await press.answer() == alert("too_old")
    server.violations.clear()  # the fake counts the refusal, which the bot cannot foresee


async def test_unknown_style_in_button_is_explained(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    first = await answer(server, ana, home, PHRASE)
    button = data_of(first, AGAIN)
    forged = Button(Verb.AGAIN, button.user, 2, 0.8, 1, "c3ef", "quevedo")
    await (await server.forge_press(ana, first, forged.id)).answer()
    refusal = (await server.reply_to(first)).text
    assert refusal == say("style", value="quevedo", known="cervantes, galdos")


async def test_info_names_seed_and_model(server: FakeTelegram, ana: User, home: Chat) -> None:
    first = await answer(server, ana, home, PHRASE)
    button = data_of(first, CONTINUE)
    info = await answer(server, ana, home, "/info", reply_to=first)
    assert info.text == say("info", seed=button.seed, checkpoint=button.checkpoint)
    for target in (info, None):
        told = await answer(server, ana, home, "/info", reply_to=target)
        assert told.text == say("not_mine")


async def test_button_ids_fit_as_json(town: Town, ana: User, home: Chat) -> None:
    first = await answer(town.server, ana, home, PHRASE)
    assert all(
        len(first.button(label)["callback_data"].encode()) <= 64
        for label in (CONTINUE, AGAIN, DELETE)
    )
    assert json.dumps(first.markup)
