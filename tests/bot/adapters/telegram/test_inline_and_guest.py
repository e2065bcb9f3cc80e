"""Inline and guest mode."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.telegram.rendering import unguard
from bot.texts import ENGLISH, say
from model.text.normalize import normalize
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of, text_of
from tests.fakes.telegram import Chat, FakeTelegram, User

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_inline_phrase_offers_its_continuation(server: FakeTelegram, ana: User) -> None:
    query = await server.inline(ana, PHRASE)
    offered = await query.answer()
    (article,) = offered.results
    assert article.title == say("inline_title")
    assert article.text.startswith(PHRASE)
    assert {entity["type"] for entity in article.entities} == {"bold"}
    assert article.description
    assert article.link_preview == {"is_disabled": True}
    assert offered.is_personal
    assert offered.cache_time > 0
    group = server.group("Lejos", ana, bot="left")
    chosen = await server.choose(query, article.id, group)
    button = chosen.button(say("button_continue"))
    assert normalize(text_of(chosen)).endswith(button["switch_inline_query_current_chat"])


async def test_only_the_newest_inline_query_is_answered(server: FakeTelegram) -> None:
    bob = server.user("Bob", language="en")
    keystrokes = [await server.inline(bob, PHRASE[: 3 * end]) for end in range(1, 8)]
    offered = await keystrokes[-1].answer()
    assert offered.results[0].title == say("inline_title", ENGLISH)
    assert offered.results[0].text.startswith(PHRASE[:21])
    assert not [query for query in keystrokes[:-1] if query.answered]


async def test_empty_inline_query_shows_a_hint(server: FakeTelegram, ana: User) -> None:
    offered = await (await server.inline(ana, "  ")).answer()
    assert offered.results == []
    assert offered.button == {"text": say("inline_empty"), "start_parameter": "ayuda"}


async def test_inline_refusal_is_shown_above_results(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    offered = await (await server.inline(ana, "🂡🂡🂡")).answer()
    assert offered.results == []
    assert offered.button is not None
    assert offered.button["text"] == say("unwritable")
    assert offered.cache_time == 0
    assert server.sent(home) == []


async def test_guest_continues_text_beside_its_name(server: FakeTelegram, ana: User) -> None:
    group = server.group("Lejos", ana, bot="left")
    query = await server.guest(ana, group, f"@LitteraGPT_bot, {PHRASE}")
    written = await query.answer()
    assert phrase_of(written).endswith(PHRASE)
    assert written.pings == []


async def test_guest_continues_replied_message(server: FakeTelegram, ana: User) -> None:
    bea = server.user("Bea")
    group = server.group("Lejos", ana, bea, bot="left")
    theirs = await server.say(bea, group, "Érase una vez un caballero")
    query = await server.guest(ana, group, "@litteragpt_bot", reply_to=theirs)
    assert phrase_of(await query.answer()) == "Érase una vez un caballero"


async def test_guest_without_phrase_explains_itself(server: FakeTelegram, ana: User) -> None:
    group = server.group("Lejos", ana, bot="left")
    query = await server.guest(ana, group, "@litteragpt_bot")
    assert unguard((await query.answer()).text) == say("start")


async def test_inline_query_keeps_running_chat_job(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    await server.inline(ana, PHRASE)
    written = await answer(server, ana, home, PHRASE)
    assert phrase_of(written) == PHRASE
    await asyncio.sleep(1.0)
