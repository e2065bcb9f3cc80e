"""The loop between messages and engines: continuous batching of all texts.

One thread runs it and owns the engines; any thread may `put` a message. It knows nothing of
requesters, queues or retries, nor of its client: a process with pipes (`bot.worker`) or a replica
of a cluster (`bot.cluster.ray.replica`).
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.executor.errors import Failure
from bot.executor.messages import (
    Alive,
    Cancel,
    Done,
    Load,
    Loaded,
    Message,
    NotLoaded,
    Refused,
    Text,
    Write,
)
from bot.executor.model_info import ModelInfo
from model.engine.composition import Composition
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.result import result_of
from model.errors import CheckpointError, CodedError, PromptError
from model.runtime import Runtime
from model.text.prompt import Options

log = logging.getLogger(__name__)

# Text is collected for this long, so that the bot reads tens of lines a second, not thousands.
FLUSH_SECONDS = 0.03
# Heartbeat. The client takes a silent loop for hung.
ALIVE_SECONDS = 1.0
_LEAST_ABSURD_LOSS = 1e6
PROBE = Options(sentences=1, sentence_limit=80, seed=1)


@dataclass
class Writing:
    """A request, its unfinished text and the engine that writes it."""

    number: int
    text: Composition
    engine: Engine


@dataclass(frozen=True)
class Swap:
    """An engine to serve new texts.

    load: position of its load among all loads. answer: sent when the engine serves, if any.
    """

    engine: Engine
    load: int
    answer: Loaded | None


class WorkerLoop:
    """The loop between messages and engines.

    After a reload, unfinished texts stay with their engine, which is dropped after the last one.
    """

    def __init__(
        self,
        send: Callable[[Message], None],
        runtime: Runtime,
        engine: Engine,
        rows: int,
    ) -> None:
        """send: takes the replies, in this loop's thread or another. rows: texts that an engine
        loaded later writes at a time."""
        self._send, self._runtime, self._engine, self._rows = send, runtime, engine, rows
        self._engines = [self._engine]
        self._writings: dict[int, Writing] = {}
        self._inbox: queue.SimpleQueue[Message | Swap | None] = queue.SimpleQueue()
        self._loads = itertools.count(1)
        self._swapped = 0
        self._flushed = 0.0
        self._alive = 0.0

    def put(self, message: Message | None) -> None:
        """Queue a message; None ends the loop."""
        self._inbox.put(message)

    def swap(self, engine: Engine) -> None:
        """Serve new texts from an engine that was loaded elsewhere."""
        self._inbox.put(Swap(engine, next(self._loads), None))

    def run(self) -> None:
        """Serve until None arrives."""
        while self._take_messages():
            for engine in self._engines:
                engine.step()
            self._report()
            self._engines = [e for e in self._engines if e.busy or e is self._engine]

    def _take_messages(self) -> bool:
        """Handle the queued messages; False at the end. Waits for one only while no engine is
        busy, and no longer than until the next heartbeat."""
        while True:
            idle = not any(engine.busy for engine in self._engines)
            try:
                message = self._inbox.get(block=idle, timeout=ALIVE_SECONDS)
            except queue.Empty:
                return True
            match message:
                case None:
                    return False
                case Swap():
                    self._serve(message)
                case Write():
                    self._begin(message)
                case Cancel():
                    if writing := self._writings.pop(message.number, None):
                        writing.engine.cancel(writing.text)
                case Load():
                    # Beside the serving checkpoint, in a thread, so that texts continue.
                    load = next(self._loads)
                    threading.Thread(target=self._load, args=(message, load), daemon=True).start()

    def _begin(self, request: Write) -> None:
        try:
            text = compose(self._engine.checkpoint, request.phrase, request.options)
        except PromptError as error:
            self._send(Refused(request.number, Failure.of(error)))
            return
        self._writings[request.number] = Writing(request.number, text, self._engine)
        self._engine.add(text)

    def _serve(self, swap: Swap) -> None:
        """Serve new texts from this engine, unless a later load finished first: loads run side by
        side, and the last one requested must win."""
        if swap.load > self._swapped:
            self._swapped, self._engine = swap.load, swap.engine
            self._engines.append(swap.engine)
            if swap.answer is not None:
                self._send(swap.answer)
        elif swap.answer is not None:
            late = CheckpointError("superseded", name=swap.engine.checkpoint.name)
            self._send(NotLoaded(swap.answer.number, Failure.of(late)))

    def _load(self, request: Load, load: int) -> None:
        started = time.monotonic()
        try:
            engine = load_engine(Path(request.path), self._runtime, self._rows)
        except CodedError as error:
            self._send(NotLoaded(request.number, Failure.of(error)))
            return
        seconds, model = time.monotonic() - started, describe(engine, self._runtime)
        self._inbox.put(Swap(engine, load, Loaded(request.number, seconds, model)))

    def _report(self) -> None:
        """Send finished texts at once, the new characters of the others every FLUSH_SECONDS."""
        now = time.monotonic()
        due = now - self._flushed > FLUSH_SECONDS
        if due:
            self._flushed = now
        if now - self._alive > ALIVE_SECONDS:
            self._alive = now
            self._send(Alive())
        for writing in list(self._writings.values()):
            finished = writing.text.finished
            if (due or finished) and (text := writing.text.take_text()):
                self._send(Text(writing.number, text))
            if finished:
                del self._writings[writing.number]
                result = result_of(writing.text, writing.engine.checkpoint.id)
                self._send(Done(writing.number, result))


def describe(engine: Engine, runtime: Runtime) -> ModelInfo:
    """The model that an engine serves."""
    checkpoint = engine.checkpoint
    return ModelInfo(
        path=checkpoint.path,
        name=checkpoint.name,
        checkpoint=checkpoint.id,
        parameters=checkpoint.decoder.parameter_count,
        loss=_loss(checkpoint.metrics),
        styles=checkpoint.styles,
        device=runtime.device,
        threads=runtime.threads,
        engine=checkpoint.decoder.engine,
        candidates=engine.affords,
    )


def _loss(metrics: Mapping[str, object]) -> float | None:
    """Nats per character on the validation split, else on the development split."""
    validation = metrics.get("validation")
    loss = validation.get("w528") if isinstance(validation, dict) else metrics.get("dev_loss")
    if not isinstance(loss, (int, float)) or not abs(loss) < _LEAST_ABSURD_LOSS:
        return None
    return float(loss)


def load_and_probe(folder: Path, runtime: Runtime, rows: int) -> Engine:
    """An engine for a checkpoint, after a probe text and a measurement of its speed.

    Raises CheckpointError for a checkpoint that cannot be used, and MemoryError, OSError or
    RuntimeError when the machine is the cause.
    """
    try:
        checkpoint = runtime.load(folder)
        letters = filter(str.isalpha, checkpoint.tokenizer.characters)
        generate(checkpoint, next(letters, "."), PROBE)
        return Engine(checkpoint, rows, runtime.affordable_candidates(checkpoint))
    except (CodedError, MemoryError, OSError, RuntimeError):
        raise
    except Exception as error:
        # A defect of a file that no check has found.
        log.exception("%s cannot be loaded", folder.name)
        reason = type(error).__name__
        raise CheckpointError("unreadable", file=str(folder), reason=reason) from None


def load_engine(folder: Path, runtime: Runtime, rows: int) -> Engine:
    """As load_and_probe, but raises CheckpointError also when the machine is the cause, such as
    too little memory beside the model in use."""
    try:
        return load_and_probe(folder, runtime, rows)
    except (MemoryError, OSError, RuntimeError) as error:
        reason = type(error).__name__
        raise CheckpointError("unreadable", file=str(folder), reason=reason) from None
