"""The worker's loop without a process: overlapping loads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.executor.messages import Alive, Done, Load, Loaded, Message, NotLoaded, Write
from bot.worker import loop as worker_loop
from bot.worker.loop import WorkerLoop, load_and_probe
from model.engine.engine import Engine
from model.runtime import Runtime, choose_runtime
from model.text.prompt import Options

ROWS = 4


class Loop:
    """A loop in a thread that serves `tiny`, and its messages without the heartbeats."""

    def __init__(self, runtime: Runtime, checkpoint: Path) -> None:
        self._sent: queue.SimpleQueue[Message] = queue.SimpleQueue()
        engine = load_and_probe(checkpoint, runtime, ROWS)
        self.worker = WorkerLoop(self._sent.put, runtime, engine, ROWS)
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def answer(self) -> Message:
        while isinstance(message := self._sent.get(timeout=60), Alive):
            pass
        return message

    def close(self) -> None:
        self.worker.put(None)
        self.thread.join()


@pytest.fixture
def runtime() -> Runtime:
    return choose_runtime("auto", "cpu", 1)


@pytest.fixture
def loop(runtime: Runtime, checkpoints: Path) -> Iterator[Loop]:
    started = Loop(runtime, checkpoints / "tiny")
    yield started
    started.close()


def test_slow_load_does_not_replace_later_one(
    loop: Loop, runtime: Runtime, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken = threading.Event()

    def slow_for_otro(folder: Path, *arguments: object) -> Engine:
        if folder.name == "otro":
            assert overtaken.wait(60)
        return load_and_probe(folder, runtime, ROWS)

    monkeypatch.setattr(worker_loop, "load_engine", slow_for_otro)
    loop.worker.put(Load(1, str(checkpoints / "otro")))
    loop.worker.put(Load(2, str(checkpoints / "tiny")))
    later = loop.answer()
    assert isinstance(later, Loaded)
    assert (later.number, later.model.name) == (2, "tiny")
    overtaken.set()
    earlier = loop.answer()
    assert isinstance(earlier, NotLoaded)
    assert earlier.number == 1
    assert earlier.failure.code == "superseded"
    loop.worker.put(Write(3, "En", Options(seed=1)))
    while not isinstance(message := loop.answer(), Done):
        pass
    assert message.result.checkpoint == later.model.checkpoint


def test_loads_in_order_are_all_served(loop: Loop, checkpoints: Path) -> None:
    for number, name in enumerate(("otro", "tiny", "otro"), 1):
        loop.worker.put(Load(number, str(checkpoints / name)))
        answer = loop.answer()
        assert isinstance(answer, Loaded)
        assert (answer.model.name, answer.model.path) == (name, checkpoints / name)
