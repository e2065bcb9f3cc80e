"""Executors with a real worker process and a tiny checkpoint on one CPU thread."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.executor.executor import Executor
from bot.executor.generation import Generation
from bot.executor.program import WorkerOptions
from model.engine.result import Result
from model.text.prompt import Options

PHRASE = "En un lugar de la Mancha"
# The tiny checkpoint ends sentences only at their limit, so the limit sets the time of a text.
SHORT = Options(sentences=2, sentence_limit=40, seed=7)
# Longer than any test waits; tests cancel it or kill its worker.
ENDLESS = Options(sentences=5, sentence_limit=4000, seed=7)


def worker_options(checkpoint: Path, **changes: Any) -> WorkerOptions:
    """A worker with PyTorch on one CPU thread; the native kernel would finish any text in a second.

    changes: as in WorkerOptions.
    """
    ours = {"device": "cpu", "engine": "pytorch", "threads": 1}
    return WorkerOptions(checkpoint, **(ours | changes))


@asynccontextmanager
async def running(checkpoint: Path, **changes: Any) -> AsyncIterator[Executor]:
    """A started executor, closed at the end."""
    executor = Executor(worker_options(checkpoint, **changes))
    await executor.start()
    try:
        yield executor
    finally:
        await executor.close()


async def write(executor: Executor, phrase: str = PHRASE, options: Options = SHORT) -> Result:
    """Submit one request and wait for its result."""
    return await executor.submit(phrase, options).result()


async def first_piece(generation: Generation) -> str:
    """Wait for the first text of a request."""
    async for piece in generation:
        if isinstance(piece, str):
            return piece
    raise AssertionError("the stream ended without text")


def signal_worker(executor: Executor, number: signal.Signals) -> None:
    """Send a signal to the worker, if it runs."""
    if executor.worker_pid is not None:
        os.kill(executor.worker_pid, number)
