"""Writing the text of a job: its turn in the queue, the generation, previews."""

from __future__ import annotations

import asyncio
import logging
import time

from bot.executor.executor import Executor
from bot.executor.generation import Generation, Restarted
from bot.requests.endings import variants
from bot.requests.job import Job, Preview
from bot.requests.platform import Platform
from bot.service.fair_queue import FairQueue, Turn
from bot.service.previews import Previews
from bot.service.stats import Stats
from bot.texts import say
from model.engine.result import Result
from model.text.phrase import Phrase

log = logging.getLogger(__name__)

# An expected wait that is long enough for a note on the position.
LONG_WAIT_SECONDS = 5.0
POSITION_SECONDS = 3.0


class Writing:
    """Gives each job its turn and follows its text.

    slots: jobs written at a time, at least.
    """

    def __init__(self, executor: Executor, stats: Stats, slots: int) -> None:
        self._executor, self._stats = executor, stats
        self._queue, self._least_slots = FairQueue(slots), slots

    @property
    def waiting(self) -> int:
        """Number of jobs waiting for their turn."""
        return self._queue.waiting

    @property
    def slots(self) -> int:
        """Number of jobs written at a time; more than the settings say if a cluster has room."""
        return max(self._least_slots, self._executor.pool.slots)

    async def write(self, job: Job, platform: Platform) -> list[Result]:
        """The results of a job: one text, or one for each of its endings. Raises LitteraError."""
        self._queue.slots = self.slots
        turn = self._queue.join(job.requester.server or job.requester.person)
        try:
            await self._wait_for(turn, job, platform)
            started = time.monotonic()
            results = await self._generate(job, platform)
        finally:
            self._queue.leave(turn)
        characters = sum(result.characters for result in results)
        self._stats.count_text(characters, time.monotonic() - started)
        return results

    async def _wait_for(self, turn: Turn, job: Job, platform: Platform) -> None:
        """Wait for the turn; show the position while the wait is long."""
        shown = 0
        while not turn.ready.done():
            await asyncio.wait([turn.ready], timeout=POSITION_SECONDS if shown else 1.0)
            ahead = self._queue.ahead(turn)
            if turn.ready.done() or not ahead or ahead == shown:
                continue
            if self._expected_wait(ahead) > LONG_WAIT_SECONDS:
                key = "position_one" if ahead == 1 else "position"
                await platform.progress(job, Preview(note=say(key, job.language, ahead=ahead)))
                shown = ahead

    def _expected_wait(self, ahead: int) -> float:
        return ahead * (self._stats.written.percentile(50) or 0.0) / self._queue.slots

    async def _generate(self, job: Job, platform: Platform) -> list[Result]:
        """Generate one text with previews, or endings in parallel without."""
        wanted = variants(job.options, job.endings) if job.endings else [job.options]
        generations = list[Generation]()
        try:
            for options in wanted:
                generations.append(self._executor.submit(job.phrase, options))
            if not job.endings:
                await self._stream(generations[0], job, platform)
            return [await generation.result() for generation in generations]
        finally:
            for generation in generations:
                self._executor.cancel(generation)  # no effect on a finished one

    async def _stream(self, generation: Generation, job: Job, platform: Platform) -> None:
        """Follow a text as it is generated and show previews."""
        phrase, begun = Phrase.of(job.phrase), False
        async with Previews(job.asked, platform.pace) as previews:
            async for piece in generation:
                if isinstance(piece, Restarted):
                    log.warning("%s begins again: the worker was lost", job.reference)
                elif not begun:
                    begun = True
                    self._stats.begun.add(platform.name, time.monotonic() - job.asked)
                if (text := previews.add(piece)) is not None:
                    preview = Preview(phrase.shown(text), text)
                    previews.show(platform.progress(job, preview))
