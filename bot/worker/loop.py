"""Writes as many texts as it is given: the loop between messages and the engines.

One thread runs it and owns the engines; any thread may `put` a message (see
`bot.executor.messages`). It decides nothing about people, queues or retries, and does not know who
listens: a process with pipes (`bot.worker`) or a replica of a cluster (`bot.cluster.ray.replica`).
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.executor.messages import Message, error_message, options_of
from model.engine.composition import Composition
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.result import result_of
from model.errors import CheckpointError, CodedError, PromptError
from model.runtime import Runtime
from model.text.prompt import Options

log = logging.getLogger(__name__)

# Streamed text is collected for this long, so that the bot reads tens of lines a second, not
# thousands.
FLUSH_SECONDS = 0.03
# It says at least this often that it lives, or whoever listens takes it for hung.
ALIVE_SECONDS = 1.0
_LEAST_ABSURD_LOSS = 1e6
PROBE = Options(sentences=1, sentence_limit=80, seed=1)


@dataclass
class Writing:
    """A text in the making and the engine that writes it."""

    number: int
    text: Composition
    engine: Engine


@dataclass(frozen=True)
class Swap:
    """An engine to serve from now on: `load` counts the loads that were asked for until its own,
    and `answer` is sent when it serves, or None."""

    engine: Engine
    load: int
    answer: Message | None


class Writer:
    """The loop between messages and the engines.

    After a reload the texts under way stay with the engine they began on; it is dropped when the
    last of them is finished.
    """

    def __init__(
        self,
        say: Callable[[Message], None],
        runtime: Runtime,
        engine: Engine,
        rows: int,
    ) -> None:
        """say: takes what is answered, in the thread that runs this or in another; rows: how many
        texts an engine that is loaded later may write at a time."""
        self._say, self._runtime, self._engine, self._rows = say, runtime, engine, rows
        self._engines = [self._engine]
        self._writings: dict[int, Writing] = {}
        self._inbox: queue.SimpleQueue[Message | Swap | None] = queue.SimpleQueue()
        self._loads = itertools.count(1)
        self._swapped = 0
        self._flushed = 0.0
        self._alive = 0.0

    def put(self, message: Message | None) -> None:
        """Hand a message over; None ends the loop."""
        self._inbox.put(message)

    def swap(self, engine: Engine) -> None:
        """Serve new texts from an engine that was loaded elsewhere."""
        self._inbox.put(Swap(engine, next(self._loads), None))

    def run(self) -> None:
        """Serve until None comes."""
        while self._take_messages():
            for engine in self._engines:
                engine.step()
            self._report()
            self._engines = [e for e in self._engines if e.busy or e is self._engine]

    def _take_messages(self) -> bool:
        """Handle what came in, waiting only while there is nothing to write, and never for longer
        than the bot may go without a word; False at the end."""
        while True:
            idle = not any(engine.busy for engine in self._engines)
            try:
                message = self._inbox.get(block=idle, timeout=ALIVE_SECONDS)
            except queue.Empty:
                return True
            if message is None:
                return False
            if isinstance(message, Swap):
                self._serve(message)
            else:
                self._handle(message)

    def _handle(self, message: Message) -> None:
        match message["do"]:
            case "write":
                self._begin(message)
            case "cancel":
                if writing := self._writings.pop(message["id"], None):
                    writing.engine.cancel(writing.text)
            case "load":
                # Beside the serving checkpoint, in a thread: texts under way go on meanwhile.
                load = next(self._loads)
                threading.Thread(target=self._load, args=(message, load), daemon=True).start()

    def _begin(self, message: Message) -> None:
        number = message["id"]
        try:
            text = compose(self._engine.checkpoint, message["phrase"], options_of(message))
        except PromptError as error:
            self._say({"is": "refused", "id": number, "error": error_message(error)})
            return
        self._writings[number] = Writing(number, text, self._engine)
        self._engine.add(text)

    def _serve(self, swap: Swap) -> None:
        """Serve new texts from this engine, unless a later load was faster: loads run side by
        side, and the last one that an administrator asked for must win."""
        if swap.load > self._swapped:
            self._swapped, self._engine = swap.load, swap.engine
            self._engines.append(swap.engine)
            if swap.answer is not None:
                self._say(swap.answer)
        elif swap.answer is not None:
            late = CheckpointError("superseded", name=swap.engine.checkpoint.name)
            error = error_message(late)
            self._say({"is": "not_loaded", "id": swap.answer["id"], "error": error})

    def _load(self, message: Message, load: int) -> None:
        started = time.monotonic()
        number = message["id"]
        try:
            engine = load_engine(Path(message["path"]), self._runtime, self._rows)
        except CodedError as error:
            self._say({"is": "not_loaded", "id": number, "error": error_message(error)})
            return
        answer = {"is": "loaded", "id": number, "seconds": time.monotonic() - started}
        self._inbox.put(Swap(engine, load, answer | describe(engine)))

    def _report(self) -> None:
        """Send finished texts at once and the others' new characters now and then."""
        now = time.monotonic()
        due = now - self._flushed > FLUSH_SECONDS
        if due:
            self._flushed = now
        if now - self._alive > ALIVE_SECONDS:
            self._alive = now
            self._say({"is": "alive"})
        for writing in list(self._writings.values()):
            finished = writing.text.finished
            if (due or finished) and (text := writing.text.take_text()):
                self._say({"is": "text", "id": writing.number, "text": text})
            if finished:
                del self._writings[writing.number]
                result = asdict(result_of(writing.text, writing.engine.checkpoint.id))
                self._say({"is": "done", "id": writing.number, "result": result})


def describe(engine: Engine) -> Message:
    """What the bot must know of an engine and its checkpoint."""
    checkpoint = engine.checkpoint
    return {
        "name": checkpoint.name,
        "checkpoint": checkpoint.id,
        "parameters": checkpoint.decoder.parameter_count,
        "engine": checkpoint.decoder.engine,
        "loss": _loss(checkpoint.metrics),
        "styles": list(checkpoint.styles),
        "candidates": engine.affords,
    }


def _loss(metrics: Message) -> float | None:
    """Nats per character on the validation split, or else on the development part."""
    validation = metrics.get("validation")
    loss = validation.get("w528") if isinstance(validation, dict) else metrics.get("dev_loss")
    if not isinstance(loss, (int, float)) or not abs(loss) < _LEAST_ABSURD_LOSS:
        return None
    return float(loss)


def load_and_probe(folder: Path, runtime: Runtime, rows: int) -> Engine:
    """An engine for a checkpoint that was seen to write, and how fast. Raises CheckpointError for
    one that nothing can be made of, and MemoryError, OSError or RuntimeError where the machine is
    the reason."""
    try:
        checkpoint = runtime.load(folder)
        letters = filter(str.isalpha, checkpoint.tokenizer.characters)
        generate(checkpoint, next(letters, "."), PROBE)
        return Engine(checkpoint, rows, runtime.affordable_candidates(checkpoint))
    except (CodedError, MemoryError, OSError, RuntimeError):
        raise
    except Exception as error:
        # Whatever was odd about a file that no check has found.
        log.exception("%s cannot be loaded", folder.name)
        reason = type(error).__name__
        raise CheckpointError("unreadable", file=str(folder), reason=reason) from None


def load_engine(folder: Path, runtime: Runtime, rows: int) -> Engine:
    """An engine for a checkpoint that was seen to write; raises CheckpointError, also for one
    there is no room for beside what is there."""
    try:
        return load_and_probe(folder, runtime, rows)
    except (MemoryError, OSError, RuntimeError) as error:
        reason = type(error).__name__
        raise CheckpointError("unreadable", file=str(folder), reason=reason) from None
