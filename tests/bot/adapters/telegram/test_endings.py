"""Three endings of an answer: offered in another message, chosen by the requester."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.telegram.rendering import LIMIT, unguard, units
from bot.requests.buttons import CHOICES, Button
from bot.texts import ENGLISH, say
from tests.bot.adapters.telegram.running import Bot, running, settings_of, start
from tests.bot.adapters.telegram.talk import PHRASE, answer, found, phrase_of
from tests.bot.adapters.telegram.test_buttons import NOTHING, alert, data_of
from tests.bot.records import kept
from tests.conftest import ENDLESS_TOKENIZER, save_tiny
from tests.fakes.telegram import Chat, FakeTelegram, Message, User
from tests.fakes.telegram.queries import Callback

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

ENDINGS = say("button_endings")
ANSWER = [say(f"button_{name}") for name in ("continue", "again", "endings", "card", "delete")]
# Endings slow enough to interrupt, of which three exceed a message.
SLOW = {"engine": "pytorch", "sentence_limit": 4000}


def offered(message: Message) -> list[str]:
    """The whole texts of the endings in a message."""
    phrase = phrase_of(message)
    match = re.match(r"[^\n]+\n\n1\. (.+)\n2\. (.+)\n3\. (.+)", message.text)
    assert match is not None, message.text
    lines = [unguard(line) for line in match.groups()]
    assert found(message) <= {"bold", "italic"}
    return [phrase + (line[1:] if line[0] == "…" else f" {line}") for line in lines]


def whole(message: Message) -> str:
    """The whole text of an answer, literally."""
    return unguard(message.text.partition("\n\n")[0])


async def endings_of(server: FakeTelegram, user: User, message: Message) -> Message:
    """Request endings; the message that offers them."""
    known = server.replies_to(message)
    assert await (await server.press(user, message, ENDINGS)).answer() == NOTHING
    return await server.world.changes.until(
        lambda: next(
            (each for each in server.replies_to(message) if each not in known and each.labels), None
        ),
        60.0,
        "endings",
    )


async def choose(server: FakeTelegram, user: User, endings: Message, number: str) -> None:
    """Choose an ending and wait for its delivery."""
    assert await (await server.press(user, endings, number)).answer() == NOTHING
    await server.world.changes.until(lambda: len(endings.labels) == 5, 10.0, "the chosen ending")


async def test_chosen_ending_becomes_an_answer(server: FakeTelegram, ana: User, home: Chat) -> None:
    first = await answer(server, ana, home, "/escribe Vino @ana a ejemplo.com")
    endings = await endings_of(server, ana, first)
    texts = offered(endings)
    assert endings.labels == ["1", "2", "3", say("button_delete")]
    assert len(set(texts)) == 3
    assert phrase_of(endings) == "Vino @ana a ejemplo.com"
    seeds = [data_of(endings, number).seed for number in "123"]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]
    info = await answer(server, ana, home, "/info", reply_to=endings)
    checkpoint = data_of(endings, "1").checkpoint
    named = ", ".join(map(str, seeds))
    assert info.text == say("info_endings", seed=named, checkpoint=checkpoint)

    await choose(server, ana, endings, "3")
    assert (endings.labels, whole(endings)) == (ANSWER, texts[2])
    assert phrase_of(endings) == "Vino @ana a ejemplo.com"
    assert data_of(endings, ANSWER[1]).seed == seeds[2]
    assert not first.edits
    await (await server.press(ana, endings, say("button_continue"))).answer()
    assert phrase_of(await server.reply_to(endings))


async def test_only_the_requester_chooses(server: FakeTelegram, ana: User) -> None:
    bob = server.user("Bob", language="en")
    group = server.supergroup("Tertulia", ana, bob)
    first = await answer(server, ana, group, f"/escribe@litteragpt_bot {PHRASE}")
    endings = await endings_of(server, ana, first)
    told = await (await server.press(bob, endings, "1")).answer()
    assert (told.text, told.alert) == (say("not_your_choice", ENGLISH), True)
    forged = replace(data_of(endings, "1"), user=bob.id)
    told = await (await server.forge_press(bob, endings, forged.id)).answer()
    assert told.text == say("not_your_choice", ENGLISH)
    assert not endings.edits
    await choose(server, ana, endings, "1")


async def test_choice_below_other_message_is_stale(
    server: FakeTelegram, ana: User, home: Chat
) -> None:
    first = await answer(server, ana, home, PHRASE)
    forged = replace(data_of(first, ANSWER[1]), verb=CHOICES[0])
    assert await (await server.forge_press(ana, first, forged.id)).answer() == alert("stale_button")
    assert not first.edits


async def test_failed_edit_is_retried(server: FakeTelegram, ana: User, home: Chat) -> None:
    endings = await endings_of(server, ana, await answer(server, ana, home, PHRASE))
    texts = offered(endings)
    server.faults.status("editMessageText", 502, 2)
    await choose(server, ana, endings, "2")
    assert whole(endings) == texts[1]


async def test_old_button_ids_are_read(server: FakeTelegram, ana: User, home: Chat) -> None:
    first = await answer(server, ana, home, PHRASE)
    old = Button.read("a.1.1.2080.c3efbc19028a.galdos")
    assert old is not None
    await (await server.forge_press(ana, first, old.id)).answer()
    assert ENDINGS in (await server.reply_to(first)).labels


async def test_endings_count_as_one_request(checkpoints: Path, tmp_path: Path) -> None:
    async with (
        FakeTelegram(flood=False) as server,
        running(server, checkpoints, tmp_path, person_per_minute=2),
    ):
        ana = server.user("Ana")
        first = await answer(server, ana, server.private(ana), PHRASE)
        endings = await endings_of(server, ana, first)
        refusal = await (await server.press(ana, first, ENDINGS)).answer()
        assert refusal.text.startswith("Admito 2 peticiones por minuto")
        await choose(server, ana, endings, "1")
        assert server.violations == []


async def test_choice_works_after_restart(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        async with running(server, checkpoints, tmp_path):
            endings = await endings_of(server, ana, await answer(server, ana, home, PHRASE))
        texts = offered(endings)
        press = await server.press(ana, endings, "2")  # while no bot runs
        async with running(server, checkpoints, tmp_path):
            await press.answer()
            await server.world.changes.until(lambda: len(endings.labels) == 5, 10.0, "choice")
            assert whole(endings) == texts[1]
        assert server.violations == []


async def under_way(server: FakeTelegram, user: User, message: Message, state: Path) -> Callback:
    """A request for endings that are being generated."""
    press = await server.press(user, message, ENDINGS)
    await press.answer()
    async with asyncio.timeout(20):
        while '"endings": 3' not in kept(state):  # noqa: ASYNC110 (another process's file)
            await asyncio.sleep(0.05)
    return press


async def begun(server: FakeTelegram, models: Path, state: Path) -> Bot:
    """A bot that generates slowly."""
    bot = await start(settings_of(server, models, state, **SLOW), state)
    await bot.until(server.connected(again=True))
    return bot


async def test_long_endings_can_be_cancelled_cut_and_continued(
    tmp_path: Path,
) -> None:
    save_tiny(tmp_path / "models" / "tiny", tokenizer=ENDLESS_TOKENIZER)
    models, state = tmp_path / "models", tmp_path
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        async with running(server, models, state):
            first = await answer(server, ana, home, PHRASE)
        bot = await begun(server, models, state)
        await under_way(server, ana, first, state)
        await server.say(ana, home, "/cancelar")
        await server.settled(home, lambda text: text == say("cancelled_job"))
        await under_way(server, ana, first, state)
        bot.process.kill()
        await bot.ended()
        async with running(server, models, state, **SLOW):
            endings = await server.world.changes.until(
                lambda: next((m for m in server.replies_to(first) if "1" in m.labels), None),
                100.0,
                "endings",
            )
            assert units(endings.text) <= LIMIT
            assert endings.text.endswith(say("cut"))
            texts = offered(endings)
            assert all(text.endswith("...") for text in texts)
            await choose(server, ana, endings, "2")
            assert whole(endings) == texts[1]
            assert not first.edits
        assert [m for m in server.replies_to(first) if "1" in m.labels] == []
