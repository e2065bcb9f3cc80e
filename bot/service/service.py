"""The life of a job: admitted or refused, kept, acknowledged, written in its turn, delivered once.

handle ── refuse? ──► platform.fail
  │ keep              bot/store: from here on another process knows of it if this one ends; where
  │                   several admit, this is where it turns out whether it is one too many
  │ platform.acknowledge
  │ turn              fair_queue.py, with a note on the wait when it is long
  │ write             bot/executor/, with previews when it takes long; or several endings
  └ platform.finish, platform.offer or platform.fail
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from bot.executor.executor import Executor
from bot.executor.generation import Generation, QueueFullError, Restarted
from bot.logs import about
from bot.requests.access import Access
from bot.requests.arrival import on_arrival
from bot.requests.endings import Endings, variants
from bot.requests.job import Answer, Draft, Job, Outcome, Requester
from bot.requests.limits import Excess, Limits
from bot.requests.platform import Platform
from bot.service.errors import sentence
from bot.service.fair_queue import Turn, Turns
from bot.service.previews import Drafts
from bot.service.stats import Vitals
from bot.store import Store
from bot.texts import say
from bot.texts.formatting import duration
from model.engine.result import Result
from model.errors import LitteraError
from model.text.phrase import Phrase
from model.text.prompt import check_phrase

log = logging.getLogger(__name__)

# A wait that is longer than this is worth a word.
LONG_WAIT_SECONDS = 5.0
POSITION_SECONDS = 3.0
# The platforms stop listening after fifteen minutes (Discord's interaction tokens).
JOB_SECONDS = 14 * 60.0
# A store that is slow must not keep anybody waiting for the first sign. One that is shared may take
# longer: it has a say in whether a request is taken. Discord waits for three seconds.
KEEP_SECONDS, SHARED_KEEP_SECONDS = 0.5, 1.5
# At the end of the program: how long telling people about it may take.
LAST_WORDS_SECONDS = 5.0
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Refusal:
    """Why a job is not taken; `silent` when the person has been told already."""

    outcome: Outcome
    notice: str
    silent: bool = False


class _Running:
    """A job under way and what would have to be stopped to cancel it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.task = asyncio.current_task()
        self.cancelled = False
        self.kept: asyncio.Task[Excess | None] | None = None
        self.delivering = False  # from here on there is nothing left to cancel


class Service:
    """Serves jobs of all platforms with one executor."""

    def __init__(
        self,
        executor: Executor,
        limits: Limits,
        access: Access,
        vitals: Vitals,
        store: Store,
        *,
        seats: int,
        queue_limit: int,
        log_phrases: bool = False,
    ) -> None:
        self.executor, self.limits, self.access, self.vitals = executor, limits, access, vitals
        self.store = store
        self.paused = False
        self._queue_limit, self._log_phrases = queue_limit, log_phrases
        self._turns, self._least_seats = Turns(seats), seats
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._recovered: dict[str, Platform] = {}
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        # What other processes tell of people whom they serve too.
        for kind, note in (
            ("counted", limits.count),
            ("strike", limits.strike),
            ("card", limits.cards.count),
            ("blocked", limits.block),
            ("cancel", self.cancel),
        ):
            store.subscribe(kind, note)

    @property
    def running(self) -> int:
        """How many jobs are being written."""
        return len(self._running) - self._turns.waiting

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return self._turns.waiting

    @property
    def seats(self) -> int:
        """How many jobs are written at a time: as the settings say, or more where a cluster can."""
        return max(self._least_seats, self.executor.pool.slots)

    def start(self, job: Job, platform: Platform) -> asyncio.Task[None]:
        """Begin the life of a job in a task of its own; it outlasts the connection it came by."""
        return self._begin(self.handle(job, platform), f"job {job.reference}")

    def errand(self, life: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Do something for somebody that is no job, to its end even while the program ends."""
        return self._begin(life, name)

    async def handle(self, job: Job, platform: Platform) -> None:
        """Everything from a request to its answer. Raises nothing but CancelledError."""
        with about(job.reference):
            await self._handle(job, platform)

    async def _handle(self, job: Job, platform: Platform) -> None:
        if (refusal := self._refuse(job)) is not None:
            await self._turn_away(job, refusal, platform)
            return
        running, requester = _Running(job), job.requester
        origin = platform.pack(job)
        # Nothing is counted elsewhere of people whom no other process could know.
        if origin is not None or (self.store.shared and platform.patience):
            packed = replace(job, origin=origin)
            rules = self.limits.rules(requester.person, requester.server)
            running.kept = self._begin(self.store.take(packed, rules), f"keep {job.reference}")
        await self._serve(requester.person, running, platform)

    async def recover(self, platform: Platform) -> None:
        """Go on, once, with what an earlier process accepted for this platform and did not finish:
        answer what can still be answered and say sorry for the rest."""
        if platform.name in self._recovered:
            return
        self._recovered[platform.name] = platform
        await self._resume(await self.store.unfinished(platform.name), platform, "a restart")

    async def take_over(self) -> None:
        """Go on, until cancelled, with what other processes accepted that are gone, on platforms
        that are served here too."""
        while True:
            await self.store.beat()
            for platform in [] if self._closing else list(self._recovered.values()):
                left = await self.store.orphans(platform.name)
                await self._resume(left, platform, "the end of another process")

    async def forget(self, requester: Requester) -> None:
        """Remove all that is kept of a person. What is counted for the limits stays in memory until
        it expires, or erasing would be a way around them."""
        self.cancel(requester.person)
        await self.store.erase(requester)

    def admit_card(self, requester: Requester) -> str | None:
        """Count a card that somebody wants drawn; why it is not to be, if it is not."""
        person = requester.person
        if (refusal := self._unwelcome(requester)) is not None:
            return refusal.notice
        if (wait := self.limits.cards.wait(person)) > 0:
            limit = self.limits.cards.limit
            return say("card_minute", requester.language, limit=limit, wait=duration(wait))
        self.limits.cards.count(person)
        self.store.publish("card", person)
        return None

    async def cancel_anywhere(self, person: str) -> bool:
        """Stop what is being written for a person, in whichever process."""
        return self.cancel(person) or await self.store.cancel_elsewhere(person)

    def cancel(self, person: str) -> bool:
        """Stop what is being written for a person; False when there is nothing."""
        running = self._running.get(person)
        if running is None or running.cancelled or running.delivering or running.task is None:
            return False
        running.cancelled = True
        running.task.cancel()
        return True

    def withdraw(self, job: Job) -> None:
        """Stop writing a job that nobody waits for any more; another of the same person goes on."""
        running = self._running.get(job.requester.person)
        if running is not None and running.job is job:
            self.cancel(job.requester.person)

    async def close(self, seconds: float) -> None:
        """Take nothing new, let what runs finish for so long, and end the rest with a word; where
        even that does not get through, without one."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        for running in list(self._running.values()):
            self.cancel(running.job.requester.person)
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=LAST_WORDS_SECONDS)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)

    def _begin(self, life: Coroutine[Any, Any, _Value], name: str) -> asyncio.Task[_Value]:
        task = asyncio.create_task(life, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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
        self.vitals.count(platform.name, refusal.outcome)
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
                log.exception("%s cannot be gone on with", job.reference)
                await self.store.finish(job)
                continue
            doubt = "; its answer may have been sent already" if sending else ""
            log.info("%s goes on after %s%s", job.reference, after, doubt)
            with about(job.reference):
                self._begin(self._go_on(job, platform), f"job {job.reference}")

    async def _go_on(self, job: Job, platform: Platform) -> None:
        """The life of a job that was admitted by an earlier process."""
        if time.monotonic() - job.asked > platform.patience:
            self.vitals.count(platform.name, Outcome.LATE)
            await self._deliver(job, platform.fail(job, say("late", job.language)))
            await self.store.finish(job)
            return
        person = job.requester.person
        # Somebody may have asked anew before this job's turn to be remembered came.
        name = f"{person} {job.reference}" if person in self._running else person
        await self._serve(name, _Running(job), platform)

    def _refuse(self, job: Job) -> Refusal | None:
        """Decide about a job at once, without waiting for anything; count it when it is taken."""
        requester, language = job.requester, job.language
        person, server = requester.person, requester.server
        if (refusal := self._unwelcome(requester)) is not None:
            return refusal
        try:
            check_phrase(job.phrase, self.executor.options.phrase_limit)
        except LitteraError as error:
            return self._strike(job, Outcome.BAD_PHRASE, sentence(error, language))
        if person in self._running:
            return self._strike(job, Outcome.BUSY, say("busy", language))
        if (excess := self.limits.excess(person, server)) is not None:
            return self._one_too_many(job, excess)
        if len(self._running) >= self._queue_limit:
            full = QueueFullError(self._queue_limit)
            return Refusal(Outcome.QUEUE_FULL, sentence(full, language))
        self.limits.count(person, server)
        return None

    def _one_too_many(self, job: Job, excess: Excess) -> Refusal:
        wait = duration(excess.wait)
        notice = say(excess.kind, job.language, limit=excess.limit, wait=wait)
        outcome = Outcome.BUSY if excess.kind == "busy" else Outcome.OVER_LIMIT
        return self._strike(job, outcome, notice)

    def _unwelcome(self, requester: Requester) -> Refusal | None:
        """Why nothing at all is done for somebody at the moment, if so."""
        person, language = requester.person, requester.language
        if not self.access.allows(person, requester.server):
            return Refusal(Outcome.NOT_ALLOWED, say("not_allowed", language))
        if (wait := self.limits.blocked(person)) > 0:
            notice = say("flooding", language, wait=duration(wait))
            return Refusal(Outcome.BLOCKED, notice, silent=True)
        if self._closing:
            return Refusal(Outcome.CLOSING, say("closing", language))
        if self.paused:
            return Refusal(Outcome.PAUSED, say("paused", language))
        return None

    def _strike(self, job: Job, outcome: Outcome, notice: str) -> Refusal:
        person = job.requester.person
        if not job.typed and (block := self.limits.strike(person)) > 0:
            log.warning("%s floods and is not answered for %s", person, duration(block))
            self._begin(self.store.block(person, block), f"block {person}")
            notice = say("flooding", job.language, wait=duration(block))
        elif not job.typed:
            self.store.publish("strike", person)
        return Refusal(outcome, notice)

    async def _serve(self, name: str, running: _Running, platform: Platform) -> None:
        """Bring a job to its end, whatever that is, and then forget it."""
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
                    await self._turn_away(job, self._one_too_many(job, excess), platform)
                    return
                await platform.acknowledge(job)
                self.vitals.acknowledged.add(platform.name, time.monotonic() - job.asked)
                answer = await self._write(running, platform)
        except asyncio.CancelledError:
            if not running.cancelled:
                raise
            if running.task is not None:
                running.task.uncancel()
            self.vitals.count(platform.name, Outcome.CANCELLED)
            notice = say("closing" if self._closing else "cancelled_job", job.language)
            await self._deliver(job, platform.fail(job, notice))
        except TimeoutError:
            self._note_failure(job, Outcome.TOO_SLOW, "took too long")
            await self._deliver(job, platform.fail(job, say("too_slow", job.language)))
        except LitteraError as error:
            self._note_failure(job, Outcome.FAILED, type(error).__name__)
            await self._deliver(job, platform.fail(job, sentence(error, job.language)))
        except Exception:  # noqa: BLE001 (whatever it is, the person is told, and the log has it)
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
        """Wait a moment until a job is kept; why it is not to be taken, if it turns out so."""
        if running.kept is None:
            return None
        patience = SHARED_KEEP_SECONDS if self.store.shared else KEEP_SECONDS
        done, _ = await asyncio.wait([running.kept], timeout=patience)
        return running.kept.result() if done else None

    async def _deliver(self, job: Job, delivery: Coroutine[Any, Any, None]) -> None:
        """Send the final message of a job; the journal knows before and at once after."""
        if not await self.store.owns(job):
            log.info("%s is answered by another process", job.reference)
            delivery.close()
            return
        self.store.note_sending(job)
        with on_arrival(partial(self.store.note_sent, job)):
            await delivery

    async def _write(self, running: _Running, platform: Platform) -> Answer | Endings:
        job = running.job
        self._turns.seats = self.seats
        turn = self._turns.take(job.requester.server or job.requester.person)
        try:
            await self._wait_for(turn, job, platform)
            started = time.monotonic()
            results = await self._generate(job, platform)
        finally:
            self._turns.give_back(turn)
        running.delivering = True
        characters = sum(result.characters for result in results)
        self.vitals.count_text(characters, time.monotonic() - started)
        if job.endings:
            return Endings.of(results, job.language)
        return Answer.of(results[0], job.language)

    async def _generate(self, job: Job, platform: Platform) -> list[Result]:
        """What comes of a job: one text, or its endings, which are written side by side and shown
        when all of them are there."""
        wanted = variants(job.options, job.endings) if job.endings else [job.options]
        generations = list[Generation]()
        try:
            for options in wanted:
                generations.append(self.executor.submit(job.phrase, options))
            if not job.endings:
                await self._stream(generations[0], job, platform)
            return [await generation.result() for generation in generations]
        finally:
            for generation in generations:
                self.executor.cancel(generation)  # of no effect on a finished one

    async def _wait_for(self, turn: Turn, job: Job, platform: Platform) -> None:
        """Wait for the turn; say how many are ahead while the wait is long."""
        told = 0
        while not turn.ready.done():
            await asyncio.wait([turn.ready], timeout=POSITION_SECONDS if told else 1.0)
            ahead = self._turns.ahead(turn)
            if turn.ready.done() or not ahead or ahead == told:
                continue
            if self._expected_wait(ahead) > LONG_WAIT_SECONDS:
                key = "position_one" if ahead == 1 else "position"
                await platform.progress(job, Draft(note=say(key, job.language, ahead=ahead)))
                told = ahead

    def _expected_wait(self, ahead: int) -> float:
        return ahead * (self.vitals.written.percentile(50) or 0.0) / self._turns.seats

    async def _stream(self, generation: Generation, job: Job, platform: Platform) -> None:
        """Follow a text as it comes and show drafts of it when it takes long."""
        phrase, begun = Phrase.of(job.phrase), False
        async with Drafts(job.asked, platform.pace) as drafts:
            async for piece in generation:
                if isinstance(piece, Restarted):
                    log.warning("%s begins anew: the worker was lost", job.reference)
                elif not begun:
                    begun = True
                    self.vitals.begun.add(platform.name, time.monotonic() - job.asked)
                if (shown := drafts.add(piece)) is not None:
                    draft = Draft(phrase.shown(shown), shown)
                    drafts.show(platform.progress(job, draft))

    def _log_start(self, job: Job) -> None:
        asked = f": {Phrase.of(job.phrase).text}" if self._log_phrases else ""
        log.info("%s from %s%s", job.reference, job.requester.person, asked)

    def _note_failure(self, job: Job, outcome: Outcome, why: str, *, trace: bool = False) -> None:
        self.vitals.count(job.requester.platform, outcome)
        log.error("%s from %s failed: %s", job.reference, job.requester.person, why, exc_info=trace)

    def _count_answer(self, job: Job) -> None:
        seconds = time.monotonic() - job.asked
        self.vitals.count(job.requester.platform, Outcome.ANSWERED)
        self.vitals.answered.add(job.requester.platform, seconds)
        log.info("%s answered in %.2f s", job.reference, seconds)
