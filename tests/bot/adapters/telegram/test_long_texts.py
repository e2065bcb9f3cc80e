"""Long texts: typing, previews, cancelling, one job per user, shutdown."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.adapters.telegram.rendering import LIMIT, unguard, units
from bot.texts import say
from tests.bot.adapters.telegram.running import Bot, running
from tests.bot.adapters.telegram.talk import PHRASE, answer
from tests.conftest import ENDLESS_TOKENIZER, save_tiny
from tests.fakes.telegram import FakeTelegram, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Some seconds of generation, unlike with the native engine, and more than a message holds.
SLOW = {"engine": "pytorch", "sentences": 5, "sentence_limit": 1400, "shutdown_seconds": 100}


@dataclass
class Scene:
    server: FakeTelegram
    bot: Bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("slow")
    save_tiny(folder / "tiny", tokenizer=ENDLESS_TOKENIZER)
    async with FakeTelegram() as server, running(server, folder, folder, **SLOW) as bot:
        yield Scene(server, bot)


async def finished(server: FakeTelegram, asked: Message) -> Message:
    """The answer to a message, with its buttons."""
    return await server.world.changes.until(
        lambda: next((each for each in server.replies_to(asked) if each.labels), None), 120.0, "end"
    )


async def test_long_text_previews_in_one_message_and_is_cut(scene: Scene) -> None:
    server = scene.server
    ana, bea = server.user("Ana"), server.user("Bea")
    home, group = server.private(ana), server.group("Tertulia", bea)
    asked = [
        await server.say(ana, home, PHRASE),
        await server.say(bea, group, f"/escribe {PHRASE}"),
    ]
    written = await finished(server, asked[0])
    in_group = await finished(server, asked[1])
    assert len(server.replies_to(asked[0])) == len(server.replies_to(asked[1])) == 1
    for message in (written, in_group):
        assert units(message.text) <= LIMIT
        assert unguard(message.text).startswith(PHRASE)
        assert message.text.endswith(say("cut"))
        drafts = [unguard(version.text).removesuffix("...").rstrip() for version in message.history]
        assert len(set(drafts)) == len(drafts)
        assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(drafts[:-1]))
    times = [version.at for version in written.history[:-1]]
    assert len(times) >= 2
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(times))
    # A group has twenty messages a minute.
    edits = [version.at for version in in_group.history]
    assert len(edits) <= 3 + (edits[-1] - edits[0]) / 3
    typed = [action for action in server.actions if action.chat is home]
    assert len(typed) >= 2
    assert server.violations == []


async def test_one_job_per_user_until_cancelled(scene: Scene) -> None:
    server = scene.server
    ana = server.user("Ana")
    home, group = server.private(ana), server.group("Tertulia", ana)
    first = await server.say(ana, home, PHRASE)
    await server.took(first.update_id or 0)
    assert (await answer(server, ana, group, f"/escribe {PHRASE}")).text == say("busy")
    draft = await server.reply_to(first)
    # The last edit succeeds although its response is lost once.
    fault = server.faults.reset("editMessageText", applied=True)
    await server.say(ana, group, "/cancelar")
    await server.settled(draft, lambda text: text == say("cancelled_job"))
    await server.say(ana, group, "/cancelar")
    await server.settled(group, lambda text: text == say("nothing_to_cancel"))
    assert fault.met == 1
    assert len(server.replies_to(first)) == 1
    await server.world.changes.until(lambda: bool(server.violations), 5.0, "second edit")
    (told,) = server.violations
    assert "message is not modified" in told
    server.violations.clear()


async def test_deleted_preview_keeps_the_answer(scene: Scene) -> None:
    server = scene.server
    ana = server.user("Ana")
    asked = await server.say(ana, server.private(ana), PHRASE)
    draft = await server.reply_to(asked)
    await server.delete(draft)
    await asyncio.sleep(0.1)
    await server.say(ana, server.private(ana), "/cancelar")
    await server.settled(server.private(ana), lambda text: text == say("cancelled_job"))
    assert server.violations == []


async def test_newer_inline_query_withdraws_the_older(scene: Scene) -> None:
    server = scene.server
    ana = server.user("Ana")
    older = await server.inline(ana, PHRASE)
    await asyncio.sleep(1.5)
    newer = await server.inline(ana, PHRASE + " de cuyo nombre")
    await asyncio.sleep(1.5)
    await server.say(ana, server.private(ana), "/cancelar")
    offered = await newer.answer()
    assert offered.button is not None
    assert offered.button["text"] == say("cancelled_job")
    assert not older.answered
    assert server.violations == []


async def test_newer_inline_query_keeps_chat_job(scene: Scene) -> None:
    """The newer query arrives while the older is refused because of a job in a chat."""
    server = scene.server
    ana = server.user("Ana")
    asked = await server.say(ana, server.private(ana), PHRASE)
    await server.took(asked.update_id or 0)
    refusal = server.faults.slow("answerInlineQuery", 2.0)
    await server.inline(ana, PHRASE)
    await server.world.changes.until(lambda: bool(refusal.met), 10.0, "a refusal on its way")
    await server.inline(ana, PHRASE + " de cuyo nombre")
    assert unguard((await finished(server, asked)).text).startswith(PHRASE)
    assert server.violations == []


async def test_shutdown_finishes_running_jobs(scene: Scene) -> None:
    server = scene.server
    ana, bea = server.user("Ana"), server.user("Bea")
    asked = await server.say(ana, server.private(ana), PHRASE)
    await server.reply_to(asked)
    scene.bot.terminate()
    await scene.bot.logged("stopping")
    late = await answer(server, bea, server.private(bea), PHRASE)
    assert late.text == say("closing")
    assert (await finished(server, asked)).text.endswith(say("cut"))
    assert await scene.bot.ended() == 0
    assert PHRASE not in scene.bot.log
    assert server.violations == []
