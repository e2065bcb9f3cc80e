"""Limits and their notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.texts import say
from tests.bot.adapters.telegram.running import running
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of
from tests.fakes.telegram import Chat, FakeTelegram, User

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGAIN = say("button_again")


@dataclass
class Scene:
    server: FakeTelegram
    unwanted: User
    shunned: Chat


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    async with FakeTelegram(flood=False) as server:
        unwanted, shunned = server.user("Nadie"), server.group("Lejos", server.user("Nadie"))
        limits = {
            "person_per_minute": 2,
            "server_per_minute": 3,
            "strikes": 3,
            "blocked_users": f"telegram:{unwanted.id}",
            "blocked_servers": f"telegram:{shunned.id}",
        }
        folder = tmp_path_factory.mktemp("limits")
        async with running(server, checkpoints, folder, **limits):
            yield Scene(server, unwanted, shunned)
            assert server.violations == []


async def spent(server: FakeTelegram, user: User) -> Chat:
    """The private chat of a user who has reached the limit."""
    home = server.private(user)
    for _ in range(2):
        assert phrase_of(await answer(server, user, home, PHRASE)) == PHRASE
    return home


async def test_limit_notice_names_limit_and_remaining_time(scene: Scene) -> None:
    bob = scene.server.user("Bob", language="en")
    home = await spent(scene.server, bob)
    told = await answer(scene.server, bob, home, PHRASE)
    assert told.text.startswith("I take 2 requests a minute from each person; you can ask again in")


async def test_flooding_user_gets_one_notice_then_silence(scene: Scene) -> None:
    server, ana = scene.server, scene.server.user("Ana")
    home = await spent(server, ana)
    told = [(await answer(server, ana, home, PHRASE)).text for _ in range(3)]
    assert told[0].startswith("Admito 2 peticiones por minuto")
    assert told[2].startswith("Han sido muchas peticiones")
    silent = await server.say(ana, home, PHRASE)
    assert (await answer(server, ana, home, "/start")).text == say("start")
    assert [each for each in server.sent(home) if each.reply_to is silent] == []


async def test_press_over_limit_alerts_only_the_presser(scene: Scene) -> None:
    server, ana = scene.server, scene.server.user("Ana")
    home = server.private(ana)
    first = await answer(server, ana, home, PHRASE)
    await answer(server, ana, home, PHRASE)
    presses = [await server.press(ana, first, AGAIN) for _ in range(4)]
    told = [await press.answer() for press in presses]
    assert told[0].alert
    assert told[0].text.startswith("Admito 2 peticiones por minuto")
    assert told[2].text.startswith("Han sido muchas peticiones")
    assert server.replies_to(first) == [server.sent(home)[1]] or not server.replies_to(first)
    assert len(server.sent(home)) == 2
    assert all(len(press.answered) == 1 for press in presses)


async def test_chats_have_their_own_limit(scene: Scene) -> None:
    server = scene.server
    people = [server.user(f"Persona {number}") for number in range(4)]
    group = server.group("Tertulia", *people)
    told = [await answer(server, person, group, f"/escribe {PHRASE}") for person in people]
    assert [bool(message.labels) for message in told] == [True, True, True, False]
    assert told[3].text.startswith("Aquí se me ha pedido mucho")


async def test_inline_limit_is_shown_and_typing_is_no_flooding(scene: Scene) -> None:
    server, ana = scene.server, scene.server.user("Ana")
    home = await spent(server, ana)
    for _ in range(4):
        offered = await (await server.inline(ana, PHRASE)).answer()
        assert offered.button is not None
        assert offered.button["text"].startswith("Admito 2 peticiones por minuto")
    told = await answer(server, ana, home, PHRASE)
    assert told.text.startswith("Admito 2 peticiones por minuto")


async def test_blocked_users_and_chats_are_refused(scene: Scene) -> None:
    server, ana = scene.server, scene.server.user("Ana")
    unwanted = server.private(scene.unwanted)
    assert (await answer(server, scene.unwanted, unwanted, PHRASE)).text == say("not_allowed")
    scene.shunned.members[ana.id] = "member"
    told = await answer(server, ana, scene.shunned, f"/escribe {PHRASE}")
    assert told.text == say("not_allowed")


async def test_cheap_commands_are_limited(scene: Scene) -> None:
    server, ana = scene.server, scene.server.user("Ana")
    home = server.private(ana)
    for _ in range(25):
        await server.say(ana, home, "/start")
    asked = await server.say(ana, home, f"/escribe {PHRASE}")
    await server.world.changes.until(
        lambda: any(each.reply_to is asked for each in server.sent(home)), 30.0, "answer"
    )
    starts = [each for each in server.sent(home) if each.text == say("start")]
    assert len(starts) <= 20
