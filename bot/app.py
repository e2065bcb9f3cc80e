"""The program that stays: settings, executor and front ends put together and taken apart again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator

from bot.adapters.console import Console, standard_console
from bot.executor import Executor, WorkerOptions
from bot.settings import Settings
from model.places import find_checkpoint


def worker_options(settings: Settings) -> WorkerOptions:
    """What the settings say about the worker; raises CheckpointError for an unknown one."""
    return WorkerOptions(
        checkpoint=find_checkpoint(settings.checkpoint, settings.checkpoints_dir),
        device=settings.device,
        engine=settings.engine,
        threads=settings.threads,
        max_batch=settings.max_batch,
        queue_limit=settings.queue_limit,
        phrase_limit=settings.phrase_limit,
    )


async def run_bot(settings: Settings) -> None:
    """Serve until the input ends or a signal comes; raises LitteraError when it cannot start."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    executor = Executor(worker_options(settings))
    await executor.start()
    try:
        console = standard_console(executor, settings)
        conversation = asyncio.create_task(console.run(), name="console")
        with _signals(conversation, console):
            await asyncio.wait([conversation])
        if not conversation.cancelled():
            conversation.result()
    finally:
        await executor.close()


@contextlib.contextmanager
def _signals(conversation: asyncio.Task[None], console: Console) -> Iterator[None]:
    """SIGTERM ends the conversation; Ctrl-C ends the answer under way, or else the conversation."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        if not console.interrupt():
            conversation.cancel()

    handlers: dict[signal.Signals, Callable[[], object]] = {
        signal.SIGTERM: conversation.cancel,
        signal.SIGINT: interrupt,
    }
    installed = []
    for number, handler in handlers.items():
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, handler)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
