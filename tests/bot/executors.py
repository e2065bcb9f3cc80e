"""Executors for tests: a real worker process with a tiny checkpoint on one CPU thread."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.executor.executor import Executor, WorkerOptions
from bot.executor.generation import Generation
from model.engine.result import Result
from model.text.prompt import Options

PHRASE = "En un lugar de la Mancha"
# The tiny checkpoint's sentences run on until their limit, so the limit sets how long a text takes.
SHORT = Options(sentences=2, sentence_limit=40, seed=7)
# Far more than any test waits for; such requests are cancelled or their worker is.
ENDLESS = Options(sentences=5, sentence_limit=4000, seed=7)


def worker_options(checkpoint: Path, **changes: Any) -> WorkerOptions:
    """One thread on the CPU; `changes` as in WorkerOptions.

    PyTorch computes: with the native kernel even the longest texts would be done in a second.
    """
    ours = {"device": "cpu", "engine": "pytorch", "threads": 1}
    return WorkerOptions(checkpoint, **(ours | changes))


@asynccontextmanager
async def running(checkpoint: Path, **changes: Any) -> AsyncIterator[Executor]:
    """An executor that has started; it is closed at the end."""
    executor = Executor(worker_options(checkpoint, **changes))
    await executor.start()
    try:
        yield executor
    finally:
        await executor.close()


async def write(executor: Executor, phrase: str = PHRASE, options: Options = SHORT) -> Result:
    """One request from submission to result."""
    return await executor.submit(phrase, options).result()


async def first_piece(generation: Generation) -> str:
    """Wait for the first text of a request."""
    async for piece in generation:
        if isinstance(piece, str):
            return piece
    raise AssertionError("the stream ended without text")


def signal_worker(executor: Executor, number: signal.Signals) -> None:
    """Send a signal to the worker, if one lives."""
    if executor.worker_pid is not None:
        os.kill(executor.worker_pid, number)
