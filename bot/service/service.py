"""The life of a job: admitted, stored, acknowledged, written in its turn, delivered once.

handle ── refuse? ──► platform.fail      admission.py
  │ keep              bot/store/: from here on another process continues the job if this one dies;
  │                   with several processes, the database may refuse it here
  │ platform.acknowledge
  │ turn              fair_queue.py, with a note on the position if the wait is long
  │ write             writing.py and bot/executor/, with previews or as several endings
  └ platform.finish, platform.offer or platform.fail
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bot.executor.executor import Executor
from bot.logs import about
from bot.net.tasks import TaskSet
from bot.requests.access import Access
from bot.requests.arrival import on_arrival
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Outcome, Requester
from bot.requests.limits import Excess, Limits
from bot.requests.platform import Platform
from bot.service.admission import Admission, Refusal
from bot.service.cards import CardQueue
from bot.service.errors import sentence
from bot.service.stats import Stats
from bot.service.writing import Writing
from bot.store import Store
from bot.texts import say
from model.errors import LitteraError
from model.text.phrase import Phrase

log = logging.getLogger(__name__)

# Discord's interaction tokens expire after fifteen minutes.
JOB_SECONDS = 14 * 60.0
# Time for the final notices of cancelled jobs at shutdown.
LAST_WORDS_SECONDS = 5.0


class _Running:
    """A job under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.task = asyncio.current_task()
        self.cancelled = False
        self.kept: asyncio.Task[Excess | None] | None = None
        self.delivering = False  # too late for cancellation


class Service:
    """Serves the jobs of all platforms with one executor.

    slots: jobs written at a time, at least. queue_limit: unfinished jobs in all.
    """

    def __init__(
        self,
        executor: Executor,
        limits: Limits,
        access: Access,
        stats: Stats,
        store: Store,
        *,
        slots: int,
        queue_limit: int,
        log_phrases: bool = False,
    ) -> None:
        self.executor, self.limits, self.access, self.stats = executor, limits, access, stats
        self.store, self._coordinator = store, store.coordinator
        self._tasks = TaskSet()
        self.cards = CardQueue()
        self.admission = Admission(
            limits,
            access,
            store,
            self._tasks,
            self.cards,
            queue_limit=queue_limit,
            phrase_limit=executor.options.phrase_limit,
        )
        self._log_phrases = log_phrases
        self._writing = Writing(executor, stats, slots)
        self._running: dict[str, _Running] = {}  # by person
        self._recovered: dict[str, Platform] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        # News from processes that serve the same people.
        for kind, note in (
            ("counted", limits.count),
            ("strike", limits.strike),
            ("card", limits.cards.count),
            ("blocked", limits.block),
            ("cancel", self.cancel),
        ):
            self._coordinator.subscribe(kind, note)

    @property
    def running(self) -> int:
        """Number of jobs being written."""
        return len(self._running) - self.waiting

    @property
    def waiting(self) -> int:
        """Number of jobs waiting for their turn."""
        return self._writing.waiting

    @property
    def slots(self) -> int:
        """Number of jobs written at a time; more than the settings say if a cluster has room."""
        return self._writing.slots

    def start(self, job: Job, platform: Platform) -> asyncio.Task[None]:
        """Handle a job in a task that outlives the connection of its request."""
        return self._tasks.start(self.handle(job, platform), f"job {job.reference}")

    def errand(self, life: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task that is no job; shutdown waits for it."""
        return self._tasks.start(life, name)

    async def handle(self, job: Job, platform: Platform) -> None:
        """Serve a job from the request to its final message. Raises only CancelledError."""
        with about(job.reference):
            if (refusal := self.admission.refuse(job, self._running)) is not None:
                await self._turn_away(job, refusal, platform)
                return
            running = _Running(job)
            origin = platform.pack(job)
            # A request without a later answer is of no interest to other processes.
            if origin is not None or platform.patience:
                running.kept = self._tasks.start(self._keep(job, origin), f"keep {job.reference}")
            await self._serve(job.requester.person, running, platform)

    async def recover(self, platform: Platform) -> None:
        """Continue, once, the jobs that the previous process accepted for a platform and did not
        finish; those that are too old get an apology."""
        if platform.name in self._recovered:
            return
        self._recovered[platform.name] = platform
        await self._resume(await self.store.unfinished(platform.name), platform, "a restart")

    async def take_over(self) -> None:
        """Continue the jobs of processes that are gone on the platforms served here, until
        cancelled."""
        while True:
            await self._coordinator.renewed()
            for platform in [] if self.admission.closing else list(self._recovered.values()):
                left = await self._coordinator.claim_orphans(platform.name)
                await self._resume(left, platform, "the end of another process")

    async def forget(self, requester: Requester) -> None:
        """Delete all stored data of a person. The limits' counts stay in memory until they expire:
        erasing must not reset them."""
        self.cancel(requester.person)
        await self.store.erase(requester)

    async def cancel_anywhere(self, person: str) -> bool:
        """Cancel the job of a person in whichever process it runs; False without one."""
        return self.cancel(person) or await self._coordinator.cancel_elsewhere(person)

    def cancel(self, person: str) -> bool:
        """Cancel the job of a person; False without one."""
        running = self._running.get(person)
        if running is None or running.cancelled or running.delivering or running.task is None:
            return False
        running.cancelled = True
        running.task.cancel()
        return True

    def withdraw(self, job: Job) -> None:
        """Cancel this job, but no other of the same person."""
        running = self._running.get(job.requester.person)
        if running is not None and running.job is job:
            self.cancel(job.requester.person)

    async def close(self, seconds: float) -> None:
        """Refuse new jobs, let the running ones finish within `seconds`, and cancel the rest with a
        notice, or without one if that takes too long."""
        self.admission.closing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        for running in list(self._running.values()):
            self.cancel(running.job.requester.person)
        await self._tasks.wait(LAST_WORDS_SECONDS)
        await self._tasks.cancel()

    async def _keep(self, job: Job, origin: Any) -> Excess | None:
        rules = self.limits.rules(job.requester.person, job.requester.server)
        return await self.store.take(replace(job, origin=origin), rules)

    @contextlib.contextmanager
    def _registered(self, name: str, running: _Running) -> Iterator[None]:
        self._running[name] = running
        self._idle.clear()
        try:
            yield
        finally:
            del self._running[name]
            if not self._running:
                self._idle.set()

    async def _turn_away(self, job: Job, refusal: Refusal, platform: Platform) -> None:
        self.stats.count(platform.name, refusal.outcome)
        if not (refusal.silent and platform.may_stay_silent):
            await platform.fail(job, refusal.notice)
        if job.event is not None:
            await self.store.handled(platform.name, job.event)

    async def _resume(self, left: list[tuple[Job, bool]], platform: Platform, after: str) -> None:
        under_way = {running.job.reference for running in self._running.values()}
        for job, sending in left:
            if job.reference in under_way:
                log.warning("%s was thought to be left behind and is not", job.reference)
                continue
            try:
                job.origin = platform.unpack(job.origin)
            except (LookupError, TypeError, ValueError):
                log.exception("%s cannot be continued", job.reference)
                await self.store.finish(job)
                continue
            doubt = "; its answer may have been sent already" if sending else ""
            log.info("%s goes on after %s%s", job.reference, after, doubt)
            with about(job.reference):
                self._tasks.start(self._continue(job, platform), f"job {job.reference}")

    async def _continue(self, job: Job, platform: Platform) -> None:
        """Serve a job that an earlier process admitted."""
        if time.monotonic() - job.asked > platform.patience:
            self.stats.count(platform.name, Outcome.LATE)
            await self._deliver(job, platform.fail(job, say("late", job.language)))
            await self.store.finish(job)
            return
        person = job.requester.person
        # The person may have made another request since the restart.
        name = f"{person} {job.reference}" if person in self._running else person
        await self._serve(name, _Running(job), platform)

    async def _serve(self, name: str, running: _Running, platform: Platform) -> None:
        """Bring a job to its end and delete it from the store."""
        with self._registered(name, running):
            await self._answer(running, platform)
            self.store.note_sent(running.job)
        if running.kept is not None:
            await running.kept
        await self.store.finish(running.job)

    async def _answer(self, running: _Running, platform: Platform) -> None:
        job = running.job
        self._log_start(job)
        try:
            async with asyncio.timeout(JOB_SECONDS):
                if (excess := await self._kept(running)) is not None:
                    self.limits.take_back(job.requester.person, job.requester.server)
                    refusal = self.admission.refuse_excess(job, excess)
                    await self._turn_away(job, refusal, platform)
                    return
                await platform.acknowledge(job)
                self.stats.acknowledged.add(platform.name, time.monotonic() - job.asked)
                answer = await self._write(running, platform)
        except asyncio.CancelledError:
            if not running.cancelled:
                raise
            if running.task is not None:
                running.task.uncancel()
            self.stats.count(platform.name, Outcome.CANCELLED)
            notice = say("closing" if self.admission.closing else "cancelled_job", job.language)
            await self._deliver(job, platform.fail(job, notice))
        except TimeoutError:
            self._note_failure(job, Outcome.TOO_SLOW, "took too long")
            await self._deliver(job, platform.fail(job, say("too_slow", job.language)))
        except LitteraError as error:
            self._note_failure(job, Outcome.FAILED, type(error).__name__)
            await self._deliver(job, platform.fail(job, sentence(error, job.language)))
        except Exception:  # noqa: BLE001 (the person gets a reference, and the log the traceback)
            self._note_failure(job, Outcome.FAILED, "unexpected", trace=True)
            notice = say("internal", job.language, reference=job.reference)
            await self._deliver(job, platform.fail(job, notice))
        else:
            if isinstance(answer, Endings):
                await self._deliver(job, platform.offer(job, answer))
            else:
                await self._deliver(job, platform.finish(job, answer))
            self._count_answer(job)

    async def _kept(self, running: _Running) -> Excess | None:
        """Wait a moment until a job is stored; the limit that the store found exceeded."""
        if running.kept is None:
            return None
        done, _ = await asyncio.wait([running.kept], timeout=self._coordinator.keep_seconds)
        return running.kept.result() if done else None

    async def _deliver(self, job: Job, delivery: Coroutine[Any, Any, None]) -> None:
        """Send the final message of a job, with a line in the journal before and at once after."""
        if not await self._coordinator.owns(job):
            log.info("%s is answered by another process", job.reference)
            delivery.close()
            return
        self.store.note_sending(job)
        with on_arrival(partial(self.store.note_sent, job)):
            await delivery

    async def _write(self, running: _Running, platform: Platform) -> Answer | Endings:
        job = running.job
        results = await self._writing.write(job, platform)
        running.delivering = True
        if job.endings:
            return Endings.of(results, job.language)
        return Answer.of(results[0], job.language)

    def _log_start(self, job: Job) -> None:
        asked = f": {Phrase.of(job.phrase).text}" if self._log_phrases else ""
        log.info("%s from %s%s", job.reference, job.requester.person, asked)

    def _note_failure(self, job: Job, outcome: Outcome, why: str, *, trace: bool = False) -> None:
        self.stats.count(job.requester.platform, outcome)
        log.error("%s from %s failed: %s", job.reference, job.requester.person, why, exc_info=trace)

    def _count_answer(self, job: Job) -> None:
        seconds = time.monotonic() - job.asked
        self.stats.count(job.requester.platform, Outcome.ANSWERED)
        self.stats.answered.add(job.requester.platform, seconds)
        log.info("%s answered in %.2f s", job.reference, seconds)
