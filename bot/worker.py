"""The process that owns the device: loads checkpoints and writes texts, as many as it is given.

It is started by `bot.executor`, reads requests from its standard input and answers on its standard
output (see `bot.protocol`). When its input ends, it ends. It decides nothing about people, queues
or retries.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from bot.logs import place_of
from bot.protocol import Message, decode, encode, error_message, options_of
from model.backend import Backend
from model.engine import Engine
from model.errors import CheckpointError, CodedError, PromptError
from model.generation import generate, make_sequence
from model.prompt import Options
from model.result import result_of
from model.runtime import Runtime, choose_runtime
from model.sequence import Sequence
from model.stored import Checkpoint

# Streamed text is collected for this long, so that the bot reads tens of lines a second, not
# thousands.
FLUSH_SECONDS = 0.03
# The worker says at least this often that it lives, or the bot takes it for hung.
ALIVE_SECONDS = 1.0
# The bot's event loop shares the machine with this process and must win when both want a core.
NICENESS = 5
PROBE = Options(sentences=1, sentence_limit=80, seed=1)


@dataclass
class Writing:
    """A text in the making and the engine that writes it."""

    number: int
    sequence: Sequence
    engine: Engine


class Worker:
    """The loop between the pipes and the engines.

    After a reload the texts under way stay with the engine they began on; it is dropped when the
    last of them is finished.
    """

    def __init__(
        self, out: BinaryIO, runtime: Runtime, checkpoint: Checkpoint[Backend], rows: int
    ) -> None:
        self._out, self._runtime, self._rows = out, runtime, rows
        self._engine = Engine(checkpoint, rows)
        self._engines = [self._engine]
        self._writings: dict[int, Writing] = {}
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._flushed = 0.0
        self._alive = 0.0

    def run(self, source: BinaryIO) -> None:
        """Serve until the input ends."""
        where = asdict(self._runtime)
        self._say({"is": "ready", **where, **describe(self._engine.checkpoint)})
        threading.Thread(target=self._read, args=(source,), daemon=True).start()
        while self._take_messages():
            for engine in self._engines:
                engine.step()
            self._report()
            self._engines = [e for e in self._engines if e.busy or e is self._engine]

    def _read(self, source: BinaryIO) -> None:
        try:
            for line in source:
                self._inbox.put(decode(line))
        except ValueError:  # half a line: the bot died while it wrote
            pass
        finally:
            self._inbox.put(None)

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
            self._handle(message)

    def _handle(self, message: Message) -> None:
        match message["do"]:
            case "write":
                self._begin(message)
            case "cancel":
                if writing := self._writings.pop(message["id"], None):
                    writing.engine.cancel(writing.sequence)
            case "load":
                # Beside the serving checkpoint, in a thread: texts under way go on meanwhile.
                threading.Thread(target=self._load, args=(message,), daemon=True).start()
            case "swap":
                self._engine = message["engine"]
                self._engines.append(self._engine)
                self._say(message["answer"])

    def _begin(self, message: Message) -> None:
        number = message["id"]
        try:
            sequence = make_sequence(
                self._engine.checkpoint, message["phrase"], options_of(message)
            )
        except PromptError as error:
            self._say({"is": "refused", "id": number, "error": error_message(error)})
            return
        self._writings[number] = Writing(number, sequence, self._engine)
        self._engine.add(sequence)

    def _load(self, message: Message) -> None:
        started = time.monotonic()
        number = message["id"]
        try:
            checkpoint = load_and_probe(Path(message["path"]), self._runtime)
            engine = Engine(checkpoint, self._rows)
        except CodedError as error:
            self._say({"is": "not_loaded", "id": number, "error": error_message(error)})
            return
        except (MemoryError, OSError, RuntimeError) as error:  # no room for it on the device, say
            unfit = CheckpointError("unreadable", file=message["path"], reason=type(error).__name__)
            self._say({"is": "not_loaded", "id": number, "error": error_message(unfit)})
            return
        answer = {"is": "loaded", "id": number, "seconds": time.monotonic() - started}
        self._inbox.put({"do": "swap", "engine": engine, "answer": answer | describe(checkpoint)})

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
            finished = writing.sequence.finished
            if (due or finished) and (text := writing.sequence.take_text()):
                self._say({"is": "text", "id": writing.number, "text": text})
            if finished:
                del self._writings[writing.number]
                result = asdict(result_of(writing.sequence, writing.engine.checkpoint.id))
                self._say({"is": "done", "id": writing.number, "result": result})

    def _say(self, message: Message) -> None:
        # One write per line: the loader thread speaks too, and lines must not mix.
        self._out.write(encode(message))
        self._out.flush()


def describe(checkpoint: Checkpoint[Backend]) -> Message:
    """What the bot tells people about a checkpoint."""
    return {
        "name": checkpoint.name,
        "checkpoint": checkpoint.id,
        "parameters": checkpoint.decoder.parameter_count,
        "loss": _loss(checkpoint.metrics),
        "styles": list(checkpoint.tokenizer.styles),
    }


def _loss(metrics: Message) -> float | None:
    """Nats per character on the validation split, or else on the development part."""
    validation = metrics.get("validation")
    loss = validation.get("w528") if isinstance(validation, dict) else metrics.get("dev_loss")
    return float(loss) if isinstance(loss, (int, float)) else None


def load_and_probe(folder: Path, runtime: Runtime) -> Checkpoint[Backend]:
    """Load a checkpoint and see it write; raises CheckpointError."""
    checkpoint = runtime.load(folder)
    letters = filter(str.isalpha, checkpoint.tokenizer.characters)
    generate(checkpoint, next(letters, "."), PROBE)
    return checkpoint


def _tell(_: object, error: BaseException, __: object) -> None:
    """Say in a line of the log what went wrong and where; its text may hold somebody's phrase."""
    print(f"failed: {place_of(error)}", file=sys.stderr)  # noqa: T201 (the bot reads it)


def main() -> None:
    """Arguments: checkpoint folder, engine, device, threads, rows."""
    folder, engine, device, threads, rows = sys.argv[1:]
    # Whatever else prints must not get between the protocol's lines.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.excepthook = _tell
    threading.excepthook = lambda failure: _tell(
        failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback
    )
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        runtime = choose_runtime(engine, device, int(threads))
        checkpoint = load_and_probe(Path(folder), runtime)
    except CodedError as error:
        out.write(encode({"is": "unusable", "error": error_message(error)}))
        out.flush()
        sys.exit(1)
    try:
        Worker(out, runtime, checkpoint, int(rows)).run(sys.stdin.buffer)
    except BrokenPipeError:  # the bot is gone, and what is left to say with it
        os._exit(1)


if __name__ == "__main__":
    main()
