"""Long texts: previews, waiting, cancelling, cutting, shutdown."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.texts import ENGLISH, say
from model.text.sentences import split_sentences
from tests.bot.adapters.discord.houses import PHRASE, House, house
from tests.bot.adapters.discord.reading import plain, read, seen, told
from tests.bot.continuing import phrases_to_continue
from tests.fakes.discord import User
from tests.fakes.discord.interactions import Interaction

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

# Characters; at temperature 0 the tiny checkpoint repeats itself up to this limit,
# with PyTorch about a thousand a second; the native engine would be too fast to observe.
SENTENCE_LIMIT = 1500


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _slow(
    marked_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("slow")
    async with house(
        folder,
        marked_checkpoints,
        engine="pytorch",
        sentence_limit=SENTENCE_LIMIT,
        max_batch=1,
        shutdown_seconds=60,
    ) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def slow(_slow: House) -> AsyncIterator[House]:
    """A house that generates one long text at a time."""
    yield _slow
    _slow.check()


async def begin(slow: House, person: User, sentences: int = 5) -> Interaction:
    """Request a text that takes seconds; returns once it is acknowledged."""
    asked = await slow.discord.slash(
        person, slow.channel, "escribe", frase=PHRASE, frases=sentences, temperatura=0.0
    )
    await asked.acknowledged()
    return asked


async def test_long_answer_shows_previews_and_ends_in_embed(slow: House) -> None:
    ana = slow.person()
    message = await slow.answer(await begin(slow, ana, 3), 60)
    final = seen(message)
    assert len(final.text) > 2000
    assert final.phrase == PHRASE
    assert message.content == ""
    times, drafts = zip(*message.history[:-1], strict=True)
    assert drafts
    for draft in filter(None, drafts):  # longer ones are in an embed
        assert final.text.startswith(read(draft).text.removesuffix(" …"))
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(times))
    # The embed is read back completely.
    again = await slow.discord.press(ana, message, "Continuar")
    await again.acknowledged()
    assert again.original is not None
    draft = await again.original.until(lambda m: m.content or m.embeds, 20)
    shown = draft.content or draft.embeds[0]["description"]
    assert read(shown).phrase in phrases_to_continue(final.text)
    await slow.use(ana, "cancelar")


async def test_long_answer_is_cut_at_a_sentence(slow: House) -> None:
    message = await slow.answer(await begin(slow, slow.person()), 90)
    final = seen(message)
    assert final.notices[-1] == say("cut")
    assert len(message.embeds[0]["description"]) <= 4096
    assert 1 <= len(split_sentences(final.text)) < 5
    assert list(message.buttons) == ["Continuar", "Otra vez", "Tres finales", "Tarjeta", "Borrar"]


async def test_one_job_per_user_until_cancelled(slow: House) -> None:
    ana, ann = slow.person(), slow.person(locale="en-US")
    assert await slow.use(ana, "cancelar") == say("nothing_to_cancel")
    first = await begin(slow, ana)
    second = await slow.discord.slash(ana, slow.channel, "escribe", frase=PHRASE)
    assert told(await slow.answer(second)) == say("busy")
    assert await slow.use(ann, "cancel") == say("nothing_to_cancel", ENGLISH)
    assert await slow.use(ana, "cancelar") == say("cancelling")
    await slow.discord.changes.until(lambda: first.followups, 10, lambda: "no word")
    assert told(first.followups[0]) == say("cancelled_job")
    # The channel is empty.
    assert first.original is not None
    assert first.original.deleted
    private = await slow.discord.slash(
        ann, slow.channel, "escribe", frase=PHRASE, frases=5, temperatura=0.0, privado=True
    )
    await private.acknowledged()
    busy = await slow.discord.slash(ann, slow.channel, "escribe", frase=PHRASE)
    assert told(await slow.answer(busy)) == say("busy", ENGLISH).replace("/cancelar", "/cancel")
    await slow.use(ann, "cancel")
    assert private.original is not None
    message = await private.original.until(lambda m: "Cancelled" in m.content, 10)
    assert told(message) == say("cancelled_job", ENGLISH)
    assert not message.buttons


async def test_long_wait_shows_the_queue_position(slow: House) -> None:
    people = [slow.person(), slow.person(), slow.person(), slow.person(locale="en-GB")]
    asked = [await begin(slow, person) for person in people]
    last = asked[-1].original
    assert last is not None
    await last.until(lambda m: m.content, 15)
    assert last.content.startswith("-# ")
    assert plain(last.content[3:]) == say("position", ENGLISH, ahead=2)
    for person in reversed(people):
        await slow.discord.slash(person, slow.channel, "cancelar")
    await asyncio.gather(
        *(slow.discord.changes.until(lambda a=a: a.followups, 10, lambda: "no word") for a in asked)
    )


async def test_shutdown_finishes_running_jobs(slow: House) -> None:
    asked = await begin(slow, slow.person(), 1)
    ending = asyncio.create_task(slow.stop())
    await slow.logged("stopping")
    late = await slow.discord.slash(slow.person(), slow.channel, "escribe", frase=PHRASE)
    assert told(await slow.answer(late)) == say("closing")
    assert await ending == 0
    assert asked.original is not None
    assert seen(asked.original).phrase == PHRASE
    assert asked.original.buttons
    assert "Traceback" not in slow.log


async def test_shutdown_apologizes_for_unfinished_jobs(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with house(
        tmp_path, marked_checkpoints, engine="pytorch", sentence_limit=4000, shutdown_seconds=0.5
    ) as ours:
        asked = await begin(ours, ours.person(locale="en-US"))
        assert await ours.stop() == 0
        assert told(asked.followups[0]) == say("closing", ENGLISH)
        ours.check()
