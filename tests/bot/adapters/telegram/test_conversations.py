"""Conversations in every kind of chat."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import pytest

from bot.adapters.telegram.rendering import JOINER
from bot.texts import ENGLISH, SPANISH, say
from tests.bot.adapters.telegram.conftest import Town
from tests.bot.adapters.telegram.talk import PHRASE, answer, found, phrase_of
from tests.fakes.telegram import Chat, FakeTelegram, User

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELP = say("help_telegram", username="litteragpt_bot")


@pytest.mark.parametrize(
    "text", [f"/escribe {PHRASE}", f"/ESCRIBE@litteragpt_bot\n{PHRASE}", PHRASE]
)
async def test_private_chat_accepts_command_or_plain_phrase(
    server: FakeTelegram, ana: User, home: Chat, text: str
) -> None:
    message = await server.say(ana, home, text)
    written = await server.reply_to(message)
    assert written.reply_to is message
    assert phrase_of(written) == PHRASE
    assert len(written.text) > len(PHRASE)
    assert written.labels == [
        say("button_continue"),
        say("button_again"),
        say("button_endings"),
        say("button_card"),
        say("button_delete"),
    ]
    assert not written.edits
    assert written.history[0].link_preview == {"is_disabled": True}
    assert {action.action for action in server.actions if action.chat is home} <= {"typing"}


async def test_english_user_is_answered_in_english(server: FakeTelegram) -> None:
    bob = server.user("Bob", language="en-GB")
    written = await answer(server, bob, server.private(bob), "/escribe Érase una vez")
    assert written.labels == [
        say("button_continue", ENGLISH),
        say("button_again", ENGLISH),
        say("button_endings", ENGLISH),
        say("button_card", ENGLISH),
        say("button_delete", ENGLISH),
    ]
    help_text = await answer(server, bob, server.private(bob), "/help")
    assert help_text.text == say("help_telegram", ENGLISH, username="litteragpt_bot")


@pytest.mark.parametrize(
    ("command", "key"),
    [("/start", "start"), ("/privacidad", "privacy"), ("/cancelar", "nothing_to_cancel")],
)
async def test_commands_are_answered(
    server: FakeTelegram, ana: User, home: Chat, command: str, key: str
) -> None:
    assert (await answer(server, ana, home, command)).text == say(key)


@pytest.mark.parametrize(
    ("language", "begins", "tells"),
    [(SPANISH, "Modelo ", " parámetros, "), (ENGLISH, "Model ", " parameters, ")],
)
async def test_modelo_names_model_and_version(
    server: FakeTelegram, language: str, begins: str, tells: str
) -> None:
    ana = server.user("Ana", language=language)
    told = (await answer(server, ana, server.private(ana), "/modelo")).text
    assert told.startswith(begins)
    assert tells in told
    assert told.endswith(f" LitteraGPT {version('litteragpt')}.")


async def test_help_and_unknown_commands(server: FakeTelegram, ana: User, home: Chat) -> None:
    assert (await answer(server, ana, home, "/ayuda")).text == HELP
    assert (await answer(server, ana, home, "/baila")).text == say("unknown_command")


@pytest.mark.parametrize("language", [SPANISH, ENGLISH])
async def test_bare_command_asks_and_reply_is_the_phrase(
    server: FakeTelegram, language: str
) -> None:
    ana = server.user("Ana", language=language)
    group = server.group("Tertulia", ana)
    asked = await server.say(ana, group, "/escribe")
    question = await server.reply_to(asked)
    assert question.text == say("ask_phrase", language)
    (sent,) = [
        call for call in server.called("sendMessage") if call.parameters["chat_id"] == str(group.id)
    ]
    assert '"force_reply": true' in sent.parameters["reply_markup"]
    assert '"selective": true' in sent.parameters["reply_markup"]
    written = await answer(server, ana, group, PHRASE, reply_to=question)
    assert phrase_of(written) == PHRASE


async def test_reply_continues_the_replied_message(server: FakeTelegram, ana: User) -> None:
    bea = server.user("Bea")
    group = server.supergroup("Tertulia", ana, bea)
    theirs = await server.say(bea, group, "Érase una vez un caballero")
    written = await answer(server, ana, group, "/escribe@litteragpt_bot", reply_to=theirs)
    assert phrase_of(written) == "Érase una vez un caballero"
    long = await server.say(bea, group, "Llovía sin cesar. " * 40 + "Y al fin escampó.")
    written = await answer(server, ana, group, "/escribe@litteragpt_bot", reply_to=long)
    assert phrase_of(written).endswith("Y al fin escampó.")
    assert len(phrase_of(written)) <= 400
    own = await answer(server, ana, group, "/escribe@litteragpt_bot Otra cosa", reply_to=theirs)
    assert phrase_of(own) == "Otra cosa"


async def test_groups_ignore_messages_to_others(server: FakeTelegram, ana: User) -> None:
    group = server.group("Tertulia", ana)
    unheard = [
        await server.say(ana, group, text)
        for text in (
            "Buenas noches",
            "/escribe@otro_bot Hola",
            "/baila",
            "Escriba a yo@litteragpt_bot",
            "@litteragpt_bot2 Hola",
        )
    ]
    edited = await server.say(ana, group, "/ayuda")
    await server.reply_to(edited)
    await server.edit(ana, edited, "/modelo")
    last = await answer(server, ana, group, "/baila@litteragpt_bot")
    assert last.text == say("unknown_command")
    assert len(server.replies_to(edited)) == 1
    assert not [each for each in unheard if server.replies_to(each)]


async def test_reply_to_bot_is_continued(server: FakeTelegram, ana: User) -> None:
    bea = server.user("Bea")
    group = server.supergroup("Tertulia", ana, bea)
    written = await answer(server, ana, group, f"/escribe {PHRASE}")
    reply = await answer(server, bea, group, "Mas la luna", reply_to=written)
    assert phrase_of(reply) == "Mas la luna"


async def test_answers_stay_in_their_topic(server: FakeTelegram, ana: User) -> None:
    forum = server.supergroup("Foro", ana, topics=("Prosa", "Verso"))
    await asyncio.sleep(1.1)  # under load, typing signs are dropped
    for topic in ("Prosa", "General"):
        asked = await server.say(ana, forum, f"/escribe@litteragpt_bot {PHRASE}", topic=topic)
        written = await server.reply_to(asked)
        assert written.topic == asked.topic
        assert phrase_of(written) == PHRASE
    prosa = server.topic(forum, "Prosa")
    assert {action.topic for action in server.actions if action.chat is forum} == {prosa, None}
    question = await answer(server, ana, forum, "/escribe@litteragpt_bot", topic="Verso")
    assert question.text == say("ask_phrase")
    assert question.topic == server.topic(forum, "Verso")


async def test_private_media_gets_one_hint(server: FakeTelegram, ana: User, home: Chat) -> None:
    await answer(server, ana, home, "/start")
    sticker = {"file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1}
    picture = {
        "message_id": 900_001,
        "date": 0,
        "chat": home.to_api(),
        "from": ana.to_api(),
        "sticker": sticker | {"is_animated": False, "is_video": False},
    }
    for _ in range(3):
        server.malformed_update({"message": picture})
    pinned = {name: picture[name] for name in ("message_id", "date", "chat", "from")}
    server.malformed_update({"message": pinned | {"new_chat_title": "x"}})
    hint = await server.settled(home, lambda text: text == say("only_text"))
    await answer(server, ana, home, "/ayuda")
    assert [message.text for message in server.sent(home)].count(hint.text) == 1


@pytest.mark.parametrize(
    "phrase",
    [
        "Dijo a @ana_user y a @todos que viniesen",
        "Vea https://ejemplo.com/x?y=1 o ejemplo.es y escriba a yo@ejemplo.com",
        "Use /cancelar o /start@litteragpt_bot y #etiqueta $USD",
        "*negrita* _cursiva_ [enlace](http://a.es) <b>b</b> &amp; \\. ~~~ ||x||",
        "La luna🌕 y el 👨‍👩‍👧sol dijeron «hola» —sí— ¿no? ¡ya!",
    ],
)
async def test_phrases_never_ping_link_or_format(
    server: FakeTelegram, ana: User, phrase: str
) -> None:
    group = server.group("Tertulia", ana)
    written = await answer(server, ana, group, f"/escribe {phrase}")
    assert written.pings == []
    assert written.previews == []
    assert found(written) <= {"bold", "italic"}
    shown = phrase_of(written)
    assert shown == phrase
    assert written.text.replace(JOINER, "").startswith(shown)


async def test_bad_phrase_is_explained(server: FakeTelegram, ana: User, home: Chat) -> None:
    assert "401 caracteres" in (await answer(server, ana, home, "/escribe " + "a" * 401)).text
    assert (await answer(server, ana, home, "\u200b🂡")).text == say("unwritable")


async def test_inline_answers_are_no_requests(server: FakeTelegram, ana: User, home: Chat) -> None:
    await answer(server, ana, home, "/start")
    query = await server.inline(ana, PHRASE)
    (article,) = (await query.answer()).results
    chosen = await server.choose(query, article.id, home)
    await asyncio.sleep(0.2)
    assert (await answer(server, ana, home, "/cancelar")).text == say("nothing_to_cancel")
    assert [m for m in server.sent(home) if m.reply_to is chosen] == []


async def test_migrated_group_is_followed(server: FakeTelegram, ana: User) -> None:
    group = server.group("Tertulia", ana)
    await answer(server, ana, group, f"/escribe {PHRASE}")
    asked = await server.say(ana, group, f"/escribe {PHRASE}")
    successor = server.migrate(group)
    written = await server.settled(successor, lambda text: text.startswith(PHRASE))
    assert written.chat is successor
    assert not server.replies_to(asked) or len(server.sent(successor)) == 1
    assert (await answer(server, ana, successor, "/ayuda@litteragpt_bot")).text == HELP


async def test_blocking_chats_get_no_messages(
    town: Town, server: FakeTelegram, ana: User, home: Chat
) -> None:
    before = len(town.bot.log)  # from other tests
    await answer(server, ana, home, "/start")
    await server.say(ana, home, f"/escribe {PHRASE}")
    server.block(ana)
    bea = server.user("Bea")
    group = server.group("Tertulia", bea)
    await server.say(bea, group, f"/escribe {PHRASE}")
    server.kick(group)
    other = server.user("Clara")
    await answer(server, other, server.private(other), PHRASE)
    server.unblock(ana)
    assert (await answer(server, ana, home, "/ayuda")).text == HELP
    told = town.bot.log[before:]
    assert "cannot be delivered" not in told
    assert "Forbidden" not in told


async def test_messages_of_a_user_take_effect_in_order(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    await answer(server, ana, home, "/start")
    asked = await server.say(ana, home, f"/escribe {PHRASE}")
    await server.say(ana, home, "/cancelar")
    assert (await server.reply_to(asked)).text == say("cancelled_job")
