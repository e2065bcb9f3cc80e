"""Three endings with a real worker: one job of three texts."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

from bot.requests.endings import ENDINGS
from bot.requests.job import Job
from bot.store import open_store
from bot.texts import say
from model.text.prompt import Options
from tests.bot.executors import ENDLESS, PHRASE, SHORT, signal_worker, write
from tests.bot.service.test_service import Notebook, ask, service


def ask_endings(user: int = 1, options: Options = SHORT) -> Job:
    """A job of this user for endings."""
    job = ask(user, options=options)
    job.endings = ENDINGS
    return job


async def test_endings_are_offered_once_and_reproducible(
    checkpoints: Path,
) -> None:
    book, job = Notebook(), ask_endings()
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
        assert book.verbs(job) == ["acknowledge", "offer"]
        (endings,) = book.of(job, "offer")
        assert endings.phrase == PHRASE
        assert [each.seed for each in endings.results] == [7, 8, 9]
        assert len(set(endings.continuations)) == ENDINGS
        for result in endings.results:
            assert len(result.sentences) == 1
            alone = await write(ours.executor, options=replace(SHORT, seed=result.seed))
            assert alone.text.startswith(result.text)
        assert (ours.running, ours.stats.answers, ours.executor.pending) == (0, 1, 0)


async def test_endings_count_as_one_request(checkpoints: Path) -> None:
    book, first, second, third = Notebook(), ask_endings(), ask_endings(), ask_endings()
    async with service(checkpoints, person_minute=2) as ours:
        for job in (first, second, third):
            await ours.handle(job, book)
        assert len(await ours.store.counted()) == 2
    assert [book.verbs(job) for job in (first, second)] == [["acknowledge", "offer"]] * 2
    assert book.of(third, "fail")[0].startswith("Admito 2 peticiones por minuto")


async def test_endings_are_cancelled_together(checkpoints: Path) -> None:
    book, job, second = Notebook(), ask_endings(options=ENDLESS), ask()
    async with service(checkpoints) as ours:
        task = ours.start(job, book)
        await book.until("acknowledge")
        while ours.executor.pending < ENDINGS:  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.01)
        await ours.handle(second, book)
        assert book.of(second, "fail") == [say("busy")]
        assert ours.cancel("notebook:1")
        await task
        assert book.of(job, "fail") == [say("cancelled_job")]
        assert ours.executor.pending == 0


async def test_unknown_style_fails_endings_once(
    checkpoints: Path,
) -> None:
    book, job = Notebook(), ask_endings(options=Options(style="quevedo"))
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
        assert ours.executor.pending == 0
    assert book.verbs(job) == ["acknowledge", "fail"]


async def test_full_executor_queue_refuses_all_endings(checkpoints: Path) -> None:
    book, job = Notebook(), ask_endings()
    async with service(checkpoints) as ours:
        ours.executor.options = replace(ours.executor.options, queue_limit=2)  # type: ignore[type-var]
        await ours.handle(job, book)
        assert ours.executor.pending == 0
    assert book.of(job, "fail") == [say("queue_full", limit=2)]


async def test_killed_worker_does_not_change_endings(checkpoints: Path) -> None:
    options = replace(SHORT, sentence_limit=600)
    book, undisturbed, disturbed = Notebook(), ask_endings(options=options), ask_endings(2, options)
    async with service(checkpoints) as ours:
        await ours.handle(undisturbed, book)
        task = ours.start(disturbed, book)
        while ours.executor.pending < ENDINGS:  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.001)
        signal_worker(ours.executor, signal.SIGKILL)
        await task
        assert ours.executor.restarts == 1
    (expected,), (found,) = book.of(undisturbed, "offer"), book.of(disturbed, "offer")
    assert found == expected


async def test_unfinished_endings_are_offered_after_restart(
    checkpoints: Path,
) -> None:
    book, job = Notebook(), ask_endings()
    job.origin = "here"
    async with open_store(Path("state")) as store:
        await store.take(replace(job, origin=book.pack(job)))
        await store.note_origin(job, {"address": "there"})
    async with service(checkpoints) as ours:
        await ours.recover(book)
        await book.until("offer")
        await ours.close(5)
        assert await ours.store.unfinished("notebook") == []
    assert book.verbs(job) == ["acknowledge", "offer"]
    assert {found.origin for found in book.jobs} == {"there"}
