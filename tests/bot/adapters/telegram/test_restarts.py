"""State across restarts: buttons, menus, the chosen model, waiting messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.store.journal import JOURNAL
from bot.texts import say
from tests.bot.adapters.telegram.running import running, settings_of, start
from tests.bot.adapters.telegram.talk import PHRASE, answer, answers, phrase_of, text_behind
from tests.fakes.telegram import FakeTelegram, Message, User

pytestmark = pytest.mark.timeout(120)


async def order(server: FakeTelegram, admin: User, text: str) -> str:
    """The bot's answer to the admin."""
    return (await answer(server, admin, server.private(admin), text)).text


async def test_restart_resumes_everything(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana, admin = server.user("Ana"), server.user("Admina")
        home = server.private(ana)
        settings = {"TELEGRAM_ADMIN_IDS": admin.id}
        async with running(server, checkpoints, tmp_path, **settings):
            first = await answer(server, ana, home, PHRASE)
            assert "a otro (" in await order(server, admin, "/recargar otro")

            def menu() -> bool:
                shown = server.commands_for(admin, server.private(admin), "en")
                return any(each["command"] == "recargar" for each in shown)

            await server.world.changes.until(menu, 5.0, "menu of the admin")
            assert await order(server, admin, "/estado")  # while the digest is remembered
        set_before = len(server.called("setMyCommands"))
        assert set_before == 6  # private, groups, the admin; two languages each
        waited = await server.say(ana, home, f"/escribe {PHRASE}")
        async with running(server, checkpoints, tmp_path, **settings):
            assert phrase_of(await text_behind(server, waited)) == PHRASE
            for count, label in enumerate(("button_again", "button_continue"), 1):
                press = await server.press(ana, first, say(label))
                assert not (await press.answer()).text
                assert len(await answers(server, first, count)) == count
            await (await server.press(ana, first, say("button_delete"))).answer()
            assert first.deleted
            assert (await order(server, admin, "/modelo")).startswith("Modelo otro (")
            assert "a tiny (" in await order(server, admin, "/recargar anterior")
            assert len(server.called("setMyCommands")) == set_before
            assert len(server.called("setMyDescription")) == 2
        assert server.violations == []


async def test_failed_menu_is_logged_and_set_next_time(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        server.faults.status("setMyCommands", 502, 1)
        async with running(server, checkpoints, tmp_path) as bot:
            await bot.logged("cannot be set")
            assert phrase_of(await answer(server, ana, server.private(ana), PHRASE)) == PHRASE
        assert bot.log.count("cannot be set") == 1
        async with running(server, checkpoints, tmp_path):
            await answer(server, ana, server.private(ana), "/start")
        assert len(server.called("setMyCommands")) == 5
        assert server.commands_for(ana, server.private(ana))


async def test_message_before_start_gets_note_then_answer(
    checkpoints: Path, tmp_path: Path
) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        waited = await server.say(ana, server.private(ana), f"/escribe {PHRASE}")
        async with running(server, checkpoints, tmp_path):
            assert (await text_behind(server, waited)).history[0].text == say("resumed")
            await answer(server, ana, server.private(ana), PHRASE)
        assert len(server.replies_to(waited)) == 1
        texts = [call.parameters["text"] for call in server.called("sendMessage")]
        assert texts.count(say("resumed")) == 1


async def test_partly_confirmed_message_is_not_resent(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        server.faults.hold("sendMessage")
        asked = await ask_and_live_until(server, ana, checkpoints, tmp_path, "sent")
        async with running(server, checkpoints, tmp_path):
            await answer(server, ana, home, PHRASE)
        assert len(server.replies_to(asked)) == 1


async def test_message_before_kill_gets_note_then_answer(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        server.faults.stall("sendMessage")
        asked = await ask_and_live_until(server, ana, checkpoints, tmp_path, "sending")
        async with running(server, checkpoints, tmp_path):
            await answer(server, ana, home, PHRASE)
        (reply,) = server.replies_to(asked)
        assert phrase_of(reply) == PHRASE
        assert reply.history[0].text == say("resumed")


async def test_answers_edit_notes_only_after_a_kill(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        home = server.private(ana)
        bot = await start(settings_of(server, checkpoints, tmp_path), tmp_path)
        await bot.until(server.connected())
        bot.process.kill()
        await bot.ended()
        async with running(server, checkpoints, tmp_path):
            asked = await server.say(ana, home, f"/escribe {PHRASE}")
            shaky = await text_behind(server, asked)
            assert phrase_of(shaky) == PHRASE
            assert shaky.history[0].text == say("begun")
        async with running(server, checkpoints, tmp_path):
            calm = await answer(server, ana, home, PHRASE)
            assert phrase_of(calm) == PHRASE
            assert not calm.edits
        assert server.violations == []


async def ask_and_live_until(
    server: FakeTelegram, ana: User, checkpoints: Path, state: Path, mark: str
) -> Message:
    """Run a bot, request a text, and end the bot once its journal has this
    mark; ends all faults."""
    bot = await start(settings_of(server, checkpoints, state), state)
    await bot.until(server.connected())
    asked = await server.say(ana, server.private(ana), f"/escribe {PHRASE}")
    try:
        async with asyncio.timeout(30):
            while not _has(state / JOURNAL, mark):  # noqa: ASYNC110 (another process writes it)
                await asyncio.sleep(0.02)
    finally:
        bot.process.kill()
        await bot.ended()
    server.faults.clear()
    return asked


def _has(journal: Path, mark: str) -> bool:
    return journal.exists() and any(
        line.startswith(f"{mark} ") for line in journal.read_text().splitlines()
    )


@pytest.mark.parametrize("ahead", [-2400.0, -1200.0, 0.0])
async def test_lateness_is_judged_by_telegrams_clock(
    checkpoints: Path, tmp_path: Path, ahead: float
) -> None:
    async with FakeTelegram(flood=False) as server:
        server.clock.advance(ahead)
        ana = server.user("Ana")
        home = server.private(ana)
        stale = await server.say(ana, home, PHRASE)
        server.clock.advance(900)
        recent = await server.say(ana, home, PHRASE)
        server.clock.advance(300)
        async with running(server, checkpoints, tmp_path):
            assert (await answers(server, stale, 1))[0].text == say("late")
            assert phrase_of(await text_behind(server, recent)) == PHRASE
            assert phrase_of(await answer(server, ana, home, PHRASE)) == PHRASE
