"""The bot's side of generation: hand a phrase to the worker process, read its text as it comes.

The event loop never waits for the model: it only reads lines from a pipe. A worker that dies, or
falls silent while it should write, is started again and its unfinished requests run again, from
their seeds, at most twice. A request that killed two workers on its own is not tried a third time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.executor.generation import Generation, QueueFullError, UnavailableError, WorkerLostError
from bot.executor.messages import Message, error_of, result_of_message, write_message
from bot.executor.model_info import Reloaded, Replica, ReplicaReload, RolledBackError, Serving
from bot.executor.process import WorkerProcess
from bot.net.backoff import Backoff
from model.checkpoint.discovery import checkpoint_names, named_checkpoint
from model.engine.result import Result
from model.errors import CheckpointError, LitteraError
from model.text.prompt import PHRASE_LIMIT, Options, check_phrase

log = logging.getLogger(__name__)

RERUNS, KILLS = 2, 2
# A worker says every second that it lives (see ALIVE_SECONDS in bot.worker.loop). After so many
# seconds of silence it is not counted on, and after so many it is replaced.
QUIET_SECONDS, SILENT_SECONDS = 5, 30
BACKOFF_SECONDS = (0.1, 5.0)
# Loading takes seconds; what hangs for so long never ends, and others must be able to reload.
RELOAD_SECONDS = 300.0
# A worker that cannot start so many times in a row fails the requests that wait for it.
FAILED_STARTS = 3


@dataclass(frozen=True)
class _Reload:
    """A reload that was asked for: where from, and who waits for it."""

    path: Path
    answer: asyncio.Future[Reloaded]


class WorkerProgram(Protocol):
    """What the executor must know of the program it starts as its worker."""

    @property
    def checkpoint(self) -> Path:
        """What is served at first."""

    @property
    def queue_limit(self) -> int:
        """How many requests may be unfinished."""

    @property
    def phrase_limit(self) -> int:
        """How long a phrase may be, in characters."""

    def command(self, checkpoint: Path) -> Sequence[str]:
        """Arguments of the Python interpreter for a worker that serves this checkpoint."""


@dataclass(frozen=True)
class WorkerOptions:
    """A worker on this machine; see bot.settings.settings for the meaning."""

    checkpoint: Path
    device: str = "auto"
    engine: str = "auto"
    threads: int = 0
    max_batch: int = 64
    queue_limit: int = 64
    phrase_limit: int = PHRASE_LIMIT

    def command(self, checkpoint: Path) -> Sequence[str]:
        """See WorkerProgram."""
        settings = (checkpoint, self.engine, self.device, self.threads, self.max_batch)
        return ["-m", "bot.worker", *map(str, settings)]


class Executor:
    """Owns the worker process. Create, `start`, use, `close`; all in one event loop."""

    def __init__(self, options: WorkerProgram) -> None:
        self.options = options
        self.answered = 0
        self.restarts = 0
        self.reloads = 0
        self.failed_reloads = 0
        self._path = options.checkpoint
        self._serving: Serving | None = None
        self._unfinished: dict[int, Generation] = {}
        self._reloads: dict[int, _Reload] = {}
        self._numbers = itertools.count(1)
        self._process: WorkerProcess | None = None
        self._replicas: tuple[Replica, ...] | None = None
        self._names: tuple[str, ...] | None = None
        self._started = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._failure: LitteraError | None = None
        self._closing = False
        self._silence = 0  # seconds since the worker last said anything

    @property
    def keeper(self) -> asyncio.Task[None]:
        """The task that keeps a worker running; it ends before `close` only by a bug."""
        if self._keeper is None:
            raise RuntimeError("the executor was not started")
        return self._keeper

    @property
    def pending(self) -> int:
        """How many requests are unfinished."""
        return len(self._unfinished)

    @property
    def serving(self) -> Serving:
        """What new requests are written with; raises UnavailableError before the first start."""
        if self._serving is None:
            raise UnavailableError("the worker has not started yet")
        return self._serving

    @property
    def answering(self) -> bool:
        """Whether a worker is ready to write, and has shown lately that it lives."""
        heard = self._started.is_set() and self._silence < QUIET_SECONDS
        return heard and self._replicas != ()

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._process.pid if self._process is not None else None

    @property
    def replicas(self) -> tuple[Replica, ...] | None:
        """Who writes in a cluster; None where there is only the worker."""
        return self._replicas

    @property
    def rows(self) -> int:
        """How many texts the replicas of a cluster write at a time; 0 without any."""
        return sum(each.rows for each in self._replicas or ())

    def checkpoint_names(self, folder: Path) -> list[str]:
        """The checkpoints that can be served: those in this folder, or those that any replica of a
        cluster has in its own."""
        return checkpoint_names(folder) if self._names is None else list(self._names)

    def named_checkpoint(self, name: str, folder: Path) -> Path:
        """The place of the checkpoint of this name, for `reload`; raises CheckpointError."""
        if self._names is None:
            return named_checkpoint(name, folder)
        if name not in self._names:
            known = ", ".join(self._names) or "-"
            raise CheckpointError("unknown", name=name, folder=str(folder), known=known)
        return folder / name

    async def start(self) -> None:
        """Start the worker and wait until it can write. Raises CheckpointError,
        DeviceError or UnavailableError, and then nothing runs."""
        self._keeper = asyncio.create_task(self._keep(), name="worker keeper")
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait((started, self._keeper), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if not self._started.is_set():
            await self.close()
            raise self._failure or UnavailableError("the worker did not start")

    async def close(self) -> None:
        """End the worker; unfinished requests and reloads fail with UnavailableError."""
        self._closing = True
        if self._process is not None:
            await self._process.dismiss()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._fail_all(UnavailableError("the executor was closed"))

    def submit(self, phrase: str, options: Options) -> Generation:
        """Ask for a text. Raises PromptError for a phrase no checkpoint could continue,
        QueueFullError, or UnavailableError once closed."""
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
        """From how many candidates the sentences of one more request may be chosen, so that all
        are written in about the time that one has when it is alone."""
        alone = 1 if self._serving is None else self._serving.candidates
        return alone * max(1, len(self._replicas or ())) // (1 + self.pending)

    def cancel(self, generation: Generation) -> None:
        """Drop a request; its stream ends and `result` raises CancelledError."""
        if self._unfinished.pop(generation.number, None) is not None:
            self._send({"do": "cancel", "id": generation.number})
            generation.finish(None)

    async def reload(self, path: Path) -> Reloaded:
        """Serve new requests from another checkpoint, once it has been loaded beside this one
        and has written a probe. On CheckpointError or UnavailableError nothing changes; giving up
        the wait does not stop it."""
        if self._closing:
            raise UnavailableError("the executor was closed")
        number = next(self._numbers)
        reload = _Reload(path, asyncio.get_running_loop().create_future())
        self._reloads[number] = reload
        if self._started.is_set():
            self._load(number, reload)
        try:
            done = await asyncio.wait_for(reload.answer, RELOAD_SECONDS)
        except TimeoutError:
            # It stays known: should it end after all, the worker serves that checkpoint.
            self.failed_reloads += 1
            raise CheckpointError(
                "unreadable", file=str(path), reason=f"no answer for {RELOAD_SECONDS:.0f} s"
            ) from None
        except LitteraError:
            self.failed_reloads += 1
            raise
        self.reloads += 1
        return done

    async def _keep(self) -> None:
        """Start the worker, read what it says until it dies, start it again."""
        failed, backoff = 0, Backoff(*BACKOFF_SECONDS)
        while not self._closing:
            try:
                await self._serve()
                failed = 0
                backoff.reset()
            except (LitteraError, OSError) as error:
                failed += 1
                reason = _reason(error)
                if self._serving is None:  # the first start: the caller of start() is told
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
                self._hear(message)
        except ValueError as error:  # no JSON, or a line without end: treat it as dead
            log.error("the worker speaks nonsense: %s", error)
        finally:
            self._started.clear()
            watch.cancel()
            await process.end()
        self._lose_worker(process.code)

    def _take_up(self, ready: Message) -> None:
        """A worker is there: give it all that is unfinished."""
        self._serving = self._served(self._path, ready)
        self._note_replicas(ready)
        self._started.set()
        for generation in list(self._unfinished.values()):
            self._run(generation)
        for number, reload in self._reloads.items():
            self._load(number, reload)

    async def _watch(self, process: WorkerProcess) -> None:
        """Kill a worker that is silent for too long.

        Seconds are counted in turns of the event loop, so that one that was held up itself does
        not take its own pause for the worker's.
        """
        self._silence = 0
        while self._silence < SILENT_SECONDS:
            await asyncio.sleep(1.0)
            self._silence += self._started.is_set()
        log.error("the worker is silent for %d s and is replaced", SILENT_SECONDS)
        process.kill()

    def _run(self, generation: Generation) -> None:
        generation.runs += 1
        self._send(write_message(generation.number, generation.phrase, generation.options))

    def _load(self, number: int, reload: _Reload) -> None:
        self._send({"do": "load", "id": number, "path": str(reload.path)})

    def _send(self, message: Message) -> None:
        if self._process is not None:
            self._process.send(message)

    def _hear(self, message: Message) -> None:
        self._silence = 0
        number = message.get("id", 0)  # none has 0
        if (reload := self._reloads.pop(number, None)) is not None:
            self._end_reload(reload, message)
            return
        match message["is"]:
            case "replicas":
                self._note_replicas(message)
                return
            case "lost":
                self._run_again(message["ids"])
                return
        generation = self._unfinished.get(number)
        if generation is None:
            return  # cancelled meanwhile
        match message["is"]:
            case "text":
                generation.add_text(message["text"])
            case "done":
                self.answered += 1
                self._finish(generation, result_of_message(message))
            case "refused":
                self._finish(generation, error_of(message["error"]))
            case "unavailable":
                self._finish(generation, UnavailableError("nobody is there to write"))

    def _finish(self, generation: Generation, outcome: Result | Exception) -> None:
        del self._unfinished[generation.number]
        generation.finish(outcome)

    def _end_reload(self, reload: _Reload, message: Message) -> None:
        replicas = tuple(map(ReplicaReload.of, message.get("replicas", ())))
        match message["is"]:
            case "loaded":
                old = self.serving
                self._path = reload.path
                self._serving = self._served(reload.path, message)
                if not reload.answer.done():
                    seconds = message["seconds"]
                    reload.answer.set_result(Reloaded(old, self._serving, seconds, replicas))
            case "not_loaded":
                error = error_of(message["error"])
                _fail(reload, RolledBackError(error, replicas) if replicas else error)
            case _:
                _fail(reload, UnavailableError("nobody is there to load it"))

    def _served(self, path: Path, message: Message) -> Serving:
        """What is served from now on; a reload's message leaves out what does not change."""
        old = self._serving
        where = {} if old is None else {
            "device": old.device, "threads": old.threads, "engine": old.engine
        }  # fmt: skip
        return Serving.of(path, where | message)

    def _note_replicas(self, message: Message) -> None:
        """A cluster says who writes there, and with what: somebody else may have reloaded."""
        if "replicas" not in message:
            return
        self._replicas = tuple(Replica(**each) for each in message["replicas"])
        self._names = tuple(message["names"])
        if (serving := message["serving"]) is not None and self._serving is not None:
            self._serving = self._served(self._path.with_name(serving["asked"]), serving)

    def _lose_worker(self, code: int | None) -> None:
        """The worker died: give up what it died with too often, keep the rest for the next."""
        if self._closing:
            return
        log.error("the worker ended with code %s; %d requests run again", code, self.pending)
        self._replicas = None if self._replicas is None else ()
        self._fail_reloads(UnavailableError("the worker ended during the reload"))
        self._lose(list(self._unfinished.values()))

    def _run_again(self, numbers: Iterable[int]) -> None:
        """A replica died and others are there: what it was writing runs again at once."""
        lost = [self._unfinished[number] for number in numbers if number in self._unfinished]
        log.error("a replica was lost; %d requests run again", len(lost))
        for generation in self._lose(lost):
            self._run(generation)

    def _lose(self, lost: list[Generation]) -> list[Generation]:
        """Whoever wrote these died: give up those it happened to too often; the others, which
        begin anew."""
        if len(lost) == 1:
            lost[0].kills += 1
        hopeless = [each for each in lost if each.runs > RERUNS or each.kills >= KILLS]
        for generation in hopeless:
            self._finish(generation, WorkerLostError(f"lost {generation.runs} times"))
        hopeful = [each for each in lost if not each.done]
        for generation in hopeful:
            generation.restart()
        return hopeful

    def _fail_all(self, error: LitteraError) -> None:
        for generation in list(self._unfinished.values()):
            self._finish(generation, error)
        self._fail_reloads(error)

    def _fail_reloads(self, error: LitteraError) -> None:
        while self._reloads:
            _fail(self._reloads.popitem()[1], error)


def _reason(error: LitteraError | OSError) -> LitteraError:
    """Why a worker could not start: a failure of ours, or the system gives no process or pipe."""
    if isinstance(error, LitteraError):
        return error
    return UnavailableError(f"no process can be started ({error.strerror or error})")


def _fail(reload: _Reload, error: LitteraError) -> None:
    if not reload.answer.done():  # it is when nobody waits any more
        reload.answer.set_exception(error)
