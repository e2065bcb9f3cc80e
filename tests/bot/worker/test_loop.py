"""The worker's loop on its own: loads that overtake one another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.executor.messages import Message
from bot.worker import loop as writer
from bot.worker.loop import Writer, load_and_probe
from model.engine.engine import Engine
from model.runtime import Runtime, choose_runtime

ROWS = 4


class Loop:
    """A writer in a thread that serves `tiny`, and what it says besides that it lives."""

    def __init__(self, runtime: Runtime, checkpoint: Path) -> None:
        self._said: queue.SimpleQueue[Message] = queue.SimpleQueue()
        engine = load_and_probe(checkpoint, runtime, ROWS)
        self.writer = Writer(self._said.put, runtime, engine, ROWS)
        self.thread = threading.Thread(target=self.writer.run)
        self.thread.start()

    def answer(self) -> Message:
        while (message := self._said.get(timeout=60))["is"] == "alive":
            pass
        return message

    def close(self) -> None:
        self.writer.put(None)
        self.thread.join()


@pytest.fixture
def runtime() -> Runtime:
    return choose_runtime("auto", "cpu", 1)


@pytest.fixture
def loop(runtime: Runtime, checkpoints: Path) -> Iterator[Loop]:
    started = Loop(runtime, checkpoints / "tiny")
    yield started
    started.close()


def test_a_slow_load_does_not_replace_a_later_one(
    loop: Loop, runtime: Runtime, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken = threading.Event()

    def slow_for_otro(folder: Path, *arguments: object) -> Engine:
        if folder.name == "otro":
            assert overtaken.wait(60)
        return load_and_probe(folder, runtime, ROWS)

    monkeypatch.setattr(writer, "load_engine", slow_for_otro)
    loop.writer.put({"do": "load", "id": 1, "path": str(checkpoints / "otro")})
    loop.writer.put({"do": "load", "id": 2, "path": str(checkpoints / "tiny")})
    later = loop.answer()
    assert (later["is"], later["id"], later["name"]) == ("loaded", 2, "tiny")
    overtaken.set()
    earlier = loop.answer()
    assert (earlier["is"], earlier["id"]) == ("not_loaded", 1)
    assert earlier["error"]["code"] == "superseded"
    loop.writer.put({"do": "write", "id": 3, "phrase": "En", "options": {"seed": 1}})
    while (message := loop.answer())["is"] != "done":
        pass
    assert message["result"]["checkpoint"] == later["checkpoint"]


def test_loads_in_order_are_all_served(loop: Loop, checkpoints: Path) -> None:
    for number, name in enumerate(("otro", "tiny", "otro"), 1):
        loop.writer.put({"do": "load", "id": number, "path": str(checkpoints / name)})
        answer = loop.answer()
        assert (answer["is"], answer["name"]) == ("loaded", name)
