"""The bot's side of generation: hand a phrase to the worker process, read its text as it comes.

The event loop never waits for the model: it only reads lines from a pipe. A worker that dies, or
falls silent while it should write, is started again and its unfinished requests run again, from
their seeds, at most twice. A request that killed two workers on its own is not tried a third time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bot.generation import Generation, QueueFullError, UnavailableError, WorkerLostError
from bot.protocol import (
    LINE_LIMIT,
    Message,
    decode,
    encode,
    error_of_message,
    result_of_message,
    write_message,
)
from model.errors import LitteraError
from model.prompt import PHRASE_LIMIT, Options, check_phrase
from model.result import Result

log = logging.getLogger(__name__)
worker_log = logging.getLogger("bot.worker")

RERUNS, KILLS = 2, 2
# A worker says every second that it lives (see ALIVE_SECONDS in bot.worker). After so many seconds
# of silence it is not counted on, and after so many it is replaced.
QUIET_SECONDS, SILENT_SECONDS = 5, 30
START_SECONDS = 120.0
STOP_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0
BACKOFF_SECONDS = (0.1, 5.0)
# A worker that cannot start so many times in a row fails the requests that wait for it.
FAILED_STARTS = 3


@dataclass(frozen=True)
class Serving:
    """The checkpoint that new requests are written with, and where."""

    path: Path
    name: str
    checkpoint: str
    parameters: int
    loss: float | None
    styles: tuple[str, ...]
    device: str
    threads: int
    engine: str


@dataclass(frozen=True)
class Reloaded:
    """A reload that succeeded."""

    old: Serving
    new: Serving
    seconds: float


@dataclass(frozen=True)
class _Reload:
    """A reload that was asked for: where from, and who waits for it."""

    path: Path
    answer: asyncio.Future[Reloaded]


@dataclass(frozen=True)
class WorkerOptions:
    """How the worker is started; see bot.settings for the meaning."""

    checkpoint: Path
    device: str = "auto"
    engine: str = "auto"
    threads: int = 0
    max_batch: int = 16
    queue_limit: int = 64
    phrase_limit: int = PHRASE_LIMIT


class Executor:
    """Owns the worker process. Create, `start`, use, `close`; all in one event loop."""

    def __init__(self, options: WorkerOptions) -> None:
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
        self._process: asyncio.subprocess.Process | None = None
        self._started = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._failure: LitteraError | None = None
        self._closing = False
        self._silence = 0  # seconds since the worker last said anything

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
        return self._started.is_set() and self._silence < QUIET_SECONDS

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

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
        process = self._process
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
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
        generation = Generation(next(self._numbers), phrase, options)
        self._unfinished[generation.number] = generation
        if self._started.is_set():
            self._run(generation)
        return generation

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
            done = await reload.answer
        except LitteraError:
            self.failed_reloads += 1
            raise
        self.reloads += 1
        return done

    async def _keep(self) -> None:
        """Start the worker, read what it says until it dies, start it again."""
        failed = 0
        while not self._closing:
            try:
                await self._serve()
                failed = 0
            except LitteraError as error:
                failed += 1
                if self._serving is None:  # the first start: the caller of start() is told
                    self._failure = error
                    return
                log.error("the worker cannot start: %s", error)
            if self._closing:
                return
            self.restarts += 1
            if failed >= FAILED_STARTS:
                self._fail_all(UnavailableError("the worker cannot be started"))
            await asyncio.sleep(min(BACKOFF_SECONDS[0] * 2**failed, BACKOFF_SECONDS[1]))

    async def _serve(self) -> None:
        """One worker's life. Raises LitteraError when it never became ready."""
        process = self._process = await self._spawn()
        lines = cast("asyncio.StreamReader", process.stdout)  # piped, see _spawn
        watch = asyncio.create_task(self._watch(process), name="worker watch")
        errors = cast("asyncio.StreamReader", process.stderr)
        retelling = asyncio.create_task(_retell(errors), name="worker log")
        try:
            ready = await self._first_message(lines)
            self._serving = _serving(self._path, ready)
            self._started.set()
            for generation in list(self._unfinished.values()):
                self._run(generation)
            for number, reload in self._reloads.items():
                self._load(number, reload)
            async for line in lines:
                self._hear(decode(line))
        except ValueError as error:  # no JSON, or a line without end: treat it as dead
            log.error("the worker speaks nonsense: %s", error)
        finally:
            self._started.clear()
            watch.cancel()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            # Its last words, unless a child of its own holds the stream.
            await asyncio.wait([retelling], timeout=LAST_WORDS_SECONDS)
            retelling.cancel()
        self._lose_worker(process.returncode)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill a worker that is silent for too long.

        Seconds are counted in turns of the event loop, so that one that was held up itself does
        not take its own pause for the worker's.
        """
        self._silence = 0
        while self._silence < SILENT_SECONDS:
            await asyncio.sleep(1.0)
            self._silence += self._started.is_set()
        log.error("the worker is silent for %d s and is replaced", SILENT_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    async def _spawn(self) -> asyncio.subprocess.Process:
        options = self.options
        arguments = (self._path, options.engine, options.device, options.threads, options.max_batch)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file called numpy.py in the working directory is none of our business
            "-m",
            "bot.worker",
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,  # Ctrl-C in the terminal is the bot's to handle
        )

    async def _first_message(self, lines: asyncio.StreamReader) -> Message:
        try:
            line = await asyncio.wait_for(lines.readline(), START_SECONDS)
        except TimeoutError:
            raise UnavailableError(f"the worker took over {START_SECONDS:.0f} s") from None
        if not line:
            raise UnavailableError("the worker ended before it was ready")
        try:
            message = decode(line)
        except ValueError:
            raise UnavailableError(f"the worker began with {line[:60]!r}") from None
        if message["is"] != "ready":
            raise error_of_message(message)
        return message

    def _run(self, generation: Generation) -> None:
        generation.runs += 1
        self._send(write_message(generation.number, generation.phrase, generation.options))

    def _load(self, number: int, reload: _Reload) -> None:
        self._send({"do": "load", "id": number, "path": str(reload.path)})

    def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return  # a dead worker: the keeper runs everything unfinished again
        process.stdin.write(encode(message))

    def _hear(self, message: Message) -> None:
        self._silence = 0
        number = message.get("id", 0)  # none has 0
        if (reload := self._reloads.pop(number, None)) is not None:
            self._end_reload(reload, message)
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
                self._finish(generation, error_of_message(message))

    def _finish(self, generation: Generation, outcome: Result | Exception) -> None:
        del self._unfinished[generation.number]
        generation.finish(outcome)

    def _end_reload(self, reload: _Reload, message: Message) -> None:
        if message["is"] != "loaded":
            _fail(reload, error_of_message(message))
            return
        old = self.serving
        where = {"device": old.device, "threads": old.threads, "engine": old.engine}
        self._path = reload.path
        self._serving = _serving(reload.path, message | where)
        if not reload.answer.done():
            reload.answer.set_result(Reloaded(old, self._serving, message["seconds"]))

    def _lose_worker(self, code: int | None) -> None:
        """The worker died: give up what it died with too often, keep the rest for the next."""
        if self._closing:
            return
        log.error("the worker ended with code %s; %d requests run again", code, self.pending)
        self._fail_reloads(UnavailableError("the worker ended during the reload"))
        if self.pending == 1:
            next(iter(self._unfinished.values())).kills += 1
        for generation in list(self._unfinished.values()):
            if generation.runs > RERUNS or generation.kills >= KILLS:
                self._finish(generation, WorkerLostError(f"lost {generation.runs} times"))
            else:
                generation.restart()

    def _fail_all(self, error: LitteraError) -> None:
        for generation in list(self._unfinished.values()):
            self._finish(generation, error)
        self._fail_reloads(error)

    def _fail_reloads(self, error: LitteraError) -> None:
        while self._reloads:
            _fail(self._reloads.popitem()[1], error)


async def _retell(errors: asyncio.StreamReader) -> None:
    """Put what a worker or a library of its says on its error stream into the log, a line each."""
    while True:
        try:
            line = await errors.readline()
        except ValueError:  # a line without end
            continue
        if not line:
            return
        if told := line.decode(errors="replace").strip():
            worker_log.warning("%s", told)


def _fail(reload: _Reload, error: LitteraError) -> None:
    if not reload.answer.done():  # it is when nobody waits any more
        reload.answer.set_exception(error)


def _serving(path: Path, message: Message) -> Serving:
    return Serving(
        path=path,
        name=message["name"],
        checkpoint=message["checkpoint"],
        parameters=message["parameters"],
        loss=message["loss"],
        styles=tuple(message["styles"]),
        device=message["device"],
        threads=message["threads"],
        engine=message["engine"],
    )
