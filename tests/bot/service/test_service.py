"""The life of a job with a real worker and a platform that records the calls of its methods."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.requests.access import Access
from bot.requests.connection import Connection
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview, Requester
from bot.requests.limits import Limits
from bot.requests.platform import SELDOM
from bot.service.service import Service
from bot.service.stats import Stats
from bot.store import open_store
from bot.texts import ENGLISH, say
from model.text.prompt import Options
from tests.bot.executors import ENDLESS, PHRASE, SHORT, running


class Notebook:
    """A platform that records each verb with the job's reference."""

    name, patience, pace = "notebook", 600.0, SELDOM

    def __init__(self, may_stay_silent: bool = True) -> None:
        self.may_stay_silent = may_stay_silent
        self.connection = Connection()
        self.notes: list[tuple[str, str, Any]] = []
        self.jobs: list[Job] = []
        self.noted = asyncio.Event()

    def pack(self, job: Job) -> Any:
        return {"address": job.origin}

    def unpack(self, origin: Any) -> Any:
        return origin["address"]

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def acknowledge(self, job: Job) -> None:
        self._note("acknowledge", job, None)

    async def progress(self, job: Job, preview: Preview) -> None:
        self._note("progress", job, preview)

    async def finish(self, job: Job, answer: Answer) -> None:
        self._note("finish", job, answer)

    async def offer(self, job: Job, endings: Endings) -> None:
        self._note("offer", job, endings)

    async def fail(self, job: Job, notice: str) -> None:
        self._note("fail", job, notice)

    def _note(self, verb: str, job: Job, content: Any) -> None:
        self.notes.append((verb, job.reference, content))
        self.jobs.append(job)
        self.noted.set()

    def of(self, job: Job, *verbs: str) -> list[Any]:
        """The recorded contents of a job under these verbs."""
        return [note[2] for note in self.notes if note[0] in verbs and note[1] == job.reference]

    def verbs(self, job: Job) -> list[str]:
        """The recorded verbs of a job without previews."""
        return [
            note[0] for note in self.notes if note[1] == job.reference and note[0] != "progress"
        ]

    async def until(self, verb: str, count: int = 1) -> None:
        """Wait until a verb was recorded `count` times."""
        while sum(note[0] == verb for note in self.notes) < count:
            self.noted.clear()
            await self.noted.wait()


def ask(user: int = 1, phrase: str = PHRASE, options: Options = SHORT, **changes: Any) -> Job:
    """A job of a user in server 50."""
    requester = Requester("notebook", user, **({"place": 50} | changes))
    return Job(phrase, options, requester, origin=None)


@asynccontextmanager
async def service(
    checkpoints: Path, access: Access | None = None, slots: int = 16, **limits: Any
) -> AsyncIterator[Service]:
    """A service with only the given limits, and a store in the working directory."""
    queue_limit = limits.pop("queue_limit", 64)
    none = {"person_minute": 0, "person_day": 0, "place_minute": 0, "strikes": 0}
    async with running(checkpoints / "tiny") as executor, open_store(Path("state")) as store:
        yield Service(
            executor,
            Limits(**(none | limits), block_seconds=600),
            access or Access(),
            Stats(),
            store,
            slots=slots,
            queue_limit=queue_limit,
        )


async def test_answer_is_delivered_once(checkpoints: Path) -> None:
    book, job = Notebook(), ask()
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
        assert book.verbs(job) == ["acknowledge", "finish"]
        (answer,) = book.of(job, "finish")
        assert answer.phrase == PHRASE
        assert answer.phrase + answer.continuation == answer.result.text
        assert (ours.running, ours.waiting, ours.stats.answers) == (0, 0, 1)


async def test_one_job_per_person(checkpoints: Path) -> None:
    book, long, second, other = Notebook(), ask(options=ENDLESS), ask(), ask(user=2)
    async with service(checkpoints) as ours:
        task = ours.start(long, book)
        await book.until("acknowledge")
        await ours.handle(second, book)
        assert book.of(second, "fail") == [say("busy")]
        await ours.handle(other, book)
        assert book.verbs(other) == ["acknowledge", "finish"]
        assert ours.cancel("notebook:1")
        assert not ours.cancel("notebook:1")
        await task
        assert book.of(long, "fail") == [say("cancelled_job")]
        assert ours.executor.pending == 0
        assert not ours.cancel("notebook:1")


async def test_limit_notice_names_wait_in_requesters_language(checkpoints: Path) -> None:
    book, first, refused = Notebook(), ask(), ask(language=ENGLISH)
    async with service(checkpoints, person_minute=1) as ours:
        await ours.handle(first, book)
        await ours.handle(refused, book)
    (notice,) = book.of(refused, "fail")
    assert re.fullmatch(r"I take 1 requests a minute .* in (\d+ s|1 min)\.", notice)
    assert book.verbs(refused) == ["fail"]


@pytest.mark.parametrize("may_stay_silent", [True, False])
async def test_blocked_person_is_notified_once(checkpoints: Path, may_stay_silent: bool) -> None:
    book = Notebook(may_stay_silent)
    async with service(checkpoints, strikes=2) as ours:
        for _ in range(5):
            await ours.handle(ask(phrase=" "), book)
    told = [content for verb, _, content in book.notes if verb == "fail"]
    assert told[0] == say("empty")
    assert told[1].startswith("Han sido muchas peticiones")
    assert len(told) == (2 if may_stay_silent else 5)


async def test_lists_pause_and_full_queue_refuse(checkpoints: Path) -> None:
    book, blocked, paused, long, crowded = Notebook(), ask(9), ask(), ask(options=ENDLESS), ask(2)
    access = Access(blocked_users=frozenset({"notebook:9"}))
    async with service(checkpoints, access, queue_limit=1) as ours:
        await ours.handle(blocked, book)
        assert book.of(blocked, "fail") == [say("not_allowed")]
        ours.admission.paused = True
        await ours.handle(paused, book)
        assert book.of(paused, "fail") == [say("paused")]
        ours.admission.paused = False
        task = ours.start(long, book)
        await book.until("acknowledge")
        await ours.handle(crowded, book)
        assert book.of(crowded, "fail") == [say("queue_full", limit=1)]
        ours.cancel("notebook:1")
        await task


async def test_unknown_style_is_explained(checkpoints: Path) -> None:
    book, job = Notebook(), ask(options=Options(style="quevedo"))
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
        assert ours.stats.failures == 1
    assert book.verbs(job) == ["acknowledge", "fail"]
    assert "cervantes" in book.of(job, "fail")[0]


async def test_previews_grow(checkpoints: Path) -> None:
    book, job = Notebook(), ask(options=ENDLESS)
    async with service(checkpoints) as ours:
        task = ours.start(job, book)
        await book.until("progress", 2)
        ours.cancel("notebook:1")
        await task
    shown = [preview.continuation for preview in book.of(job, "progress")]
    assert all(preview.phrase == PHRASE for preview in book.of(job, "progress"))
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(shown))
    assert len(set(shown)) == len(shown)
    assert book.notes[-1][0] == "fail"  # no preview after the notice


async def test_close_cancels_with_a_notice(checkpoints: Path) -> None:
    book, long, late = Notebook(), ask(options=ENDLESS), ask(2)
    async with service(checkpoints) as ours:
        task = ours.start(long, book)
        await book.until("acknowledge")
        await ours.close(0.1)
        assert task.done()
        assert book.of(long, "fail") == [say("closing")]
        await ours.handle(late, book)
        assert book.of(late, "fail") == [say("closing")]


async def test_waiting_job_can_be_cancelled(checkpoints: Path) -> None:
    book, long, waiting = Notebook(), ask(options=ENDLESS), ask(2)
    async with service(checkpoints, slots=1) as ours:
        tasks = [ours.start(long, book), ours.start(waiting, book)]
        await book.until("acknowledge", 2)
        assert (ours.running, ours.waiting) == (1, 1)
        ours.cancel("notebook:2")
        await tasks[1]
        assert book.of(waiting, "fail") == [say("cancelled_job")]
        ours.cancel("notebook:1")
        await tasks[0]


async def test_broken_platform_gets_internal_notice(
    checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Notebook):
        async def acknowledge(self, job: Job) -> None:
            raise ZeroDivisionError

    book, job = Broken(), ask()
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
    assert book.of(job, "fail") == [say("internal", reference=job.reference)]
    assert job.reference in caplog.text
    assert PHRASE not in caplog.text


async def test_unfinished_job_is_answered_after_restart(checkpoints: Path) -> None:
    book, job = Notebook(), ask()
    job.origin = "here"
    async with open_store(Path("state")) as store:
        await store.take(replace(job, origin=book.pack(job)))
    async with service(checkpoints) as ours:
        await ours.recover(book)
        await ours.recover(book)  # another connection of the same process
        await book.until("finish")
        await ours.close(5)
    assert book.verbs(job) == ["acknowledge", "finish"]
    assert {found.origin for found in book.jobs} == {"here"}
    async with service(checkpoints) as ours:
        assert await ours.store.unfinished("notebook") == []


async def test_late_job_gets_an_apology(checkpoints: Path) -> None:
    book, old, odd = Notebook(), ask(), ask(2)
    old.asked -= 601
    async with open_store(Path("state")) as store:
        await store.take(replace(old, origin=book.pack(old)))
        await store.take(replace(odd, origin=["what is this"]))
    async with service(checkpoints) as ours:
        await ours.recover(book)
        await book.until("fail")
        await ours.close(5)
        assert book.of(old, "fail") == [say("late")]
        assert book.of(odd, "finish", "fail") == []
        assert await ours.store.unfinished("notebook") == []


async def test_finished_jobs_leave_the_store(checkpoints: Path) -> None:
    book, answered, unknown, cancelled = (
        Notebook(),
        ask(),
        ask(2, options=Options(style="x")),
        ask(3),
    )
    cancelled.options = ENDLESS
    async with service(checkpoints) as ours:
        tasks = [ours.start(job, book) for job in (answered, unknown, cancelled)]
        await book.until("acknowledge", 3)
        kept = [job.reference for job, _ in await ours.store.unfinished("notebook")]
        assert cancelled.reference in kept
        ours.cancel("notebook:3")
        await asyncio.gather(*tasks)
        assert await ours.store.unfinished("notebook") == []
        assert len(await ours.store.counted()) == 3


async def test_event_of_a_refused_job_is_handled(checkpoints: Path) -> None:
    book, refused, taken = Notebook(), ask(phrase=" "), ask()
    refused.event, taken.event = "1", "2"
    async with service(checkpoints) as ours:
        await ours.store.receive("notebook", {"1": {}, "2": {}})
        await ours.handle(refused, book)
        await ours.handle(taken, book)
        assert await ours.store.unhandled("notebook") == []


async def test_forget_keeps_limits(checkpoints: Path) -> None:
    book, long = Notebook(), ask(options=ENDLESS)
    async with service(checkpoints, person_minute=1) as ours:
        task = ours.start(long, book)
        await book.until("acknowledge")
        await ours.forget(long.requester)
        await task
        assert book.of(long, "fail") == [say("cancelled_job")]
        assert await ours.store.counted() == []
        await ours.handle(ask(), book)
        assert book.notes[-1][2].startswith("Admito 1 peticiones por minuto")


async def test_failing_store_delays_no_answer(checkpoints: Path) -> None:
    Path("state").write_text("a file where the folder should be")
    book, job = Notebook(), ask()
    async with service(checkpoints) as ours:
        await ours.handle(job, book)
    assert book.verbs(job) == ["acknowledge", "finish"]


async def test_implicit_jobs_are_no_strikes(checkpoints: Path) -> None:
    book = Notebook()
    async with service(checkpoints, strikes=2) as ours:
        for _ in range(5):
            job = ask(phrase=" ")
            job.implicit = True
            await ours.handle(job, book)
    assert [content for _, _, content in book.notes] == [say("empty")] * 5
