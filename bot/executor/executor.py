"""The bot's side of generation: send a phrase to the worker process, read its text as it comes.

The event loop never waits for the model: it only reads lines from a pipe. A worker that dies, or
stops its heartbeat, is started again. Its unfinished requests run again from their seeds, at most
twice. A request that was alone in two workers that died is given up.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable
from pathlib import Path

from bot.executor.generation import Generation, QueueFullError, UnavailableError, WorkerLostError
from bot.executor.messages import (
    Cancel,
    Done,
    Loaded,
    Lost,
    Message,
    NotLoaded,
    Ready,
    Refused,
    Replicas,
    Text,
    Unavailable,
    Write,
)
from bot.executor.model_info import ModelInfo, Reloaded
from bot.executor.process import WorkerProcess
from bot.executor.program import WorkerProgram
from bot.executor.reloads import Reloads
from bot.net.backoff import Backoff
from model.engine.result import Result
from model.errors import LitteraError
from model.text.prompt import Options, check_phrase

log = logging.getLogger(__name__)

RERUNS, KILLS = 2, 2
# The worker sends a heartbeat every second (ALIVE_SECONDS in bot.worker.loop). After QUIET_SECONDS
# of silence the bot reports it as not answering, after SILENT_SECONDS it is replaced.
QUIET_SECONDS, SILENT_SECONDS = 5, 30
BACKOFF_SECONDS = (0.1, 5.0)
# Consecutive failed starts after which the waiting requests fail.
FAILED_STARTS = 3


class Executor:
    """Owns the worker process. Create, `start`, use and `close` it in one event loop."""

    def __init__(self, options: WorkerProgram) -> None:
        self.options = options
        self.pool = options.pool()
        self.reloads = Reloads()
        self.answered = 0
        self.restarts = 0
        self._path = options.checkpoint
        self._model: ModelInfo | None = None
        self._unfinished: dict[int, Generation] = {}
        self._numbers = itertools.count(1)
        self._process: WorkerProcess | None = None
        self._started = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._failure: LitteraError | None = None
        self._closing = False
        self._silence = 0  # seconds since the worker's last message

    @property
    def keeper(self) -> asyncio.Task[None]:
        """The task that keeps a worker running; it ends before `close` only by a bug."""
        if self._keeper is None:
            raise RuntimeError("the executor was not started")
        return self._keeper

    @property
    def pending(self) -> int:
        """Unfinished requests."""
        return len(self._unfinished)

    @property
    def serving(self) -> ModelInfo:
        """The model of new requests. Raises UnavailableError before the first start."""
        if self._model is None:
            raise UnavailableError("the worker has not started yet")
        return self._model

    @property
    def answering(self) -> bool:
        """Whether a worker can write and its heartbeat is recent."""
        return self._started.is_set() and self._silence < QUIET_SECONDS and self.pool.available

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the worker and wait until it can write.

        Raises CheckpointError, DeviceError or UnavailableError; then nothing runs.
        """
        self._keeper = asyncio.create_task(self._keep(), name="worker keeper")
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait((started, self._keeper), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if not self._started.is_set():
            await self.close()
            raise self._failure or UnavailableError("the worker did not start")

    async def close(self) -> None:
        """End the worker. Unfinished requests and reloads fail with UnavailableError."""
        self._closing = True
        if self._process is not None:
            await self._process.dismiss()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._fail_all(UnavailableError("the executor was closed"))

    def submit(self, phrase: str, options: Options) -> Generation:
        """Request a text.

        Raises PromptError for a phrase that no checkpoint can continue, QueueFullError, or
        UnavailableError once closed.
        """
        if self._closing:
            raise UnavailableError("the executor was closed")
        check_phrase(phrase, self.options.phrase_limit)
        if self.pending >= self.options.queue_limit:
            raise QueueFullError(self.options.queue_limit)
        options = options.affording(self._candidates)
        generation = Generation(next(self._numbers), phrase, options)
        self._unfinished[generation.number] = generation
        if self._started.is_set():
            self._run(generation)
        return generation

    @property
    def _candidates(self) -> int:
        """Candidates per sentence for one more request, so that all requests together take about
        the time of one that is alone."""
        alone = 1 if self._model is None else self._model.candidates
        return alone * self.pool.size // (1 + self.pending)

    def cancel(self, generation: Generation) -> None:
        """Drop a request: its stream ends and `result` raises CancelledError."""
        if self._unfinished.pop(generation.number, None) is not None:
            self._send(Cancel(generation.number))
            generation.finish(None)

    async def reload(self, path: Path) -> Reloaded:
        """Serve new requests from another checkpoint, which is first loaded beside the current one
        and tried with a short text.

        Raises CheckpointError, RolledBackError or UnavailableError; then the model stays.
        Cancelling the wait does not stop the reload.
        """
        if self._closing:
            raise UnavailableError("the executor was closed")
        reload = self.reloads.add(next(self._numbers), path)
        if self._started.is_set():
            self._send(reload.message)
        return await self.reloads.outcome(reload)

    async def _keep(self) -> None:
        """Start the worker, read its messages until it dies, start it again."""
        failed, backoff = 0, Backoff(*BACKOFF_SECONDS)
        while not self._closing:
            try:
                await self._serve()
                failed = 0
                backoff.reset()
            except (LitteraError, OSError) as error:
                failed += 1
                reason = _reason(error)
                if self._model is None:  # the first start: `start` raises it
                    self._failure = reason
                    return
                log.error("the worker cannot start: %s", reason)
            if self._closing:
                return
            self.restarts += 1
            if failed >= FAILED_STARTS:
                self._fail_all(UnavailableError("the worker cannot be started"))
            await asyncio.sleep(backoff.next())

    async def _serve(self) -> None:
        """One worker's life. Raises LitteraError when it never became ready."""
        process = await WorkerProcess.spawn(self.options.command(self._path))
        self._process = process
        watch = asyncio.create_task(self._watch(process), name="worker watch")
        try:
            self._take_up(await process.ready())
            async for message in process.messages():
                self._receive(message)
        except ValueError as error:  # malformed, or a line without end: treat it as dead
            log.error("malformed message from the worker: %s", error)
        finally:
            self._started.clear()
            watch.cancel()
            await process.end()
        self._lose_worker(process.code)

    def _take_up(self, ready: Ready) -> None:
        """Give a new worker all that is unfinished."""
        self._model = ready.model
        if ready.replicas is not None:
            self.pool.update(ready.replicas)
        self._started.set()
        for generation in list(self._unfinished.values()):
            self._run(generation)
        for reload in self.reloads:
            self._send(reload.message)

    async def _watch(self, process: WorkerProcess) -> None:
        """Kill a worker that is silent for too long.

        Seconds are counted in turns of the event loop, so that a pause of the loop itself does not
        count as silence of the worker.
        """
        self._silence = 0
        while self._silence < SILENT_SECONDS:
            await asyncio.sleep(1.0)
            self._silence += self._started.is_set()
        log.error("the worker is silent for %d s and is replaced", SILENT_SECONDS)
        process.kill()

    def _run(self, generation: Generation) -> None:
        generation.runs += 1
        self._send(Write(generation.number, generation.phrase, generation.options))

    def _send(self, message: Message) -> None:
        if self._process is not None:
            self._process.send(message)

    def _receive(self, message: Message) -> None:
        self._silence = 0
        match message:
            case Loaded():
                self._end_reload(message)
            case NotLoaded():
                self._refuse_reload(message)
            case Unavailable():
                self._refuse_reload(message)
                self._finish(message.number, UnavailableError("no replica can write"))
            case Text():
                if (generation := self._unfinished.get(message.number)) is not None:
                    generation.add_text(message.text)
            case Done():
                self.answered += self._finish(message.number, message.result)
            case Refused():
                self._finish(message.number, message.failure.exception())
            case Lost():
                self._run_again(message.numbers)
            case Replicas():
                self.pool.update(message)
                self._model = message.model or self._model

    def _finish(self, number: int, outcome: Result | LitteraError) -> bool:
        """End a request; False when it was cancelled before."""
        generation = self._unfinished.pop(number, None)
        if generation is not None:
            generation.finish(outcome)
        return generation is not None

    def _end_reload(self, loaded: Loaded) -> None:
        if (reload := self.reloads.take(loaded.number)) is not None:
            old, self._model, self._path = self.serving, loaded.model, reload.path
            reload.succeed(Reloaded(old, loaded.model, loaded.seconds, loaded.replicas))

    def _refuse_reload(self, answer: NotLoaded | Unavailable) -> None:
        if (reload := self.reloads.take(answer.number)) is not None:
            reload.refuse(answer)

    def _lose_worker(self, code: int | None) -> None:
        """The worker died: keep its requests for the next one."""
        if self._closing:
            return
        log.error("the worker ended with code %s; %d requests run again", code, self.pending)
        self.pool.clear()
        self.reloads.fail_all(UnavailableError("the worker ended during the reload"))
        self._lose(list(self._unfinished.values()))

    def _run_again(self, numbers: Iterable[int]) -> None:
        """An engine died and others live: run its requests again at once."""
        lost = [self._unfinished[number] for number in numbers if number in self._unfinished]
        log.error("a replica was lost; %d requests run again", len(lost))
        for generation in self._lose(lost):
            self._run(generation)

    def _lose(self, lost: list[Generation]) -> list[Generation]:
        """Note that these died together, give up those that died too often, restart the others."""
        if len(lost) == 1:
            lost[0].kills += 1
        for generation in lost:
            if generation.runs > RERUNS or generation.kills >= KILLS:
                self._finish(generation.number, WorkerLostError(f"lost {generation.runs} times"))
        remaining = [each for each in lost if not each.done]
        for generation in remaining:
            generation.restart()
        return remaining

    def _fail_all(self, error: LitteraError) -> None:
        for number in list(self._unfinished):
            self._finish(number, error)
        self.reloads.fail_all(error)


def _reason(error: LitteraError | OSError) -> LitteraError:
    """Why a worker cannot start: our own error, or the system grants no process or pipe."""
    if isinstance(error, LitteraError):
        return error
    return UnavailableError(f"no process can be started ({error.strerror or error})")
