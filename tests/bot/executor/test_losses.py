"""A worker that dies: its requests run again, reloads wait, repeated killers are given up."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.adapters.console import Console
from bot.executor.executor import Executor
from bot.executor.generation import Restarted, UnavailableError, WorkerLostError
from bot.settings.settings import Settings
from bot.texts import say
from model.text.prompt import Options
from tests.bot.executors import (
    ENDLESS,
    PHRASE,
    SHORT,
    running,
    signal_worker,
    worker_options,
    write,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(checkpoints: Path) -> AsyncIterator[Executor]:
    async with running(checkpoints / "tiny", max_batch=4) as started:
        yield started


async def test_killed_worker_changes_no_result(
    executor: Executor,
) -> None:
    options = [Options(sentence_limit=300, seed=seed) for seed in range(6)]
    undisturbed = await asyncio.gather(*(write(executor, options=each) for each in options))
    restarts, pid = executor.restarts, executor.worker_pid

    generations = [executor.submit(PHRASE, each) for each in options]
    pieces: list[str | Restarted] = []
    async for piece in generations[0]:
        if not pieces:
            signal_worker(executor, signal.SIGKILL)
        pieces.append(piece)

    assert [await each.result() for each in generations] == undisturbed
    assert executor.restarts == restarts + 1
    assert executor.worker_pid != pid
    assert pieces[0] != "".join(map(str, pieces)), "the worker was killed too late"
    last_run = "".join("" if isinstance(piece, Restarted) else piece for piece in after(pieces))
    assert PHRASE + last_run == undisturbed[0].text


def after(pieces: list[str | Restarted]) -> list[str | Restarted]:
    """The pieces after the only Restarted of a stream."""
    (place,) = (index for index, piece in enumerate(pieces) if isinstance(piece, Restarted))
    return pieces[place + 1 :]


@pytest.mark.parametrize(("requests", "workers"), [(1, 2), (2, 3)])
async def test_request_that_kills_workers_is_given_up(
    executor: Executor, requests: int, workers: int
) -> None:
    """After two workers when it was alone in them, otherwise after three."""
    generations = [executor.submit(PHRASE, ENDLESS) for _ in range(requests)]
    pids = set()
    async for piece in generations[0]:
        if isinstance(piece, str):
            pids.add(executor.worker_pid)
            signal_worker(executor, signal.SIGKILL)
    for generation in generations:
        with pytest.raises(WorkerLostError):
            await generation.result()
    assert len(pids - {None}) == workers
    assert (await write(executor)).text.startswith(PHRASE)


async def test_hung_worker_is_replaced(
    executor: Executor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.executor.executor.SILENT_SECONDS", 3)
    options = Options(sentence_limit=300, seed=1)
    undisturbed, restarts = await write(executor, options=options), executor.restarts
    generation = executor.submit(PHRASE, options)
    async for _ in generation:
        if executor.restarts == restarts:
            signal_worker(executor, signal.SIGSTOP)
    assert await generation.result() == undisturbed
    assert executor.restarts == restarts + 1
    assert "silent for 3 s" in caplog.text


async def test_hung_idle_worker_is_replaced(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.executor.executor.SILENT_SECONDS", 2)
    restarts = executor.restarts
    signal_worker(executor, signal.SIGSTOP)
    while executor.restarts == restarts:  # noqa: ASYNC110 (a restart has no event)
        await asyncio.sleep(0.01)
    assert (await write(executor)).text.startswith(PHRASE)
    assert executor.answering


async def test_busy_or_idle_worker_is_not_replaced(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.executor.executor.SILENT_SECONDS", 3)
    restarts = executor.restarts
    await asyncio.sleep(4.5)
    generation = executor.submit(PHRASE, ENDLESS)
    await asyncio.wait([asyncio.create_task(generation.result())], timeout=4.5)
    executor.cancel(generation)
    assert executor.restarts == restarts


async def test_reload_fails_when_worker_dies(executor: Executor, checkpoints: Path) -> None:
    serving = executor.serving
    signal_worker(executor, signal.SIGSTOP)
    reload = asyncio.create_task(executor.reload(checkpoints / "otro"))
    await asyncio.sleep(0)
    signal_worker(executor, signal.SIGKILL)
    with pytest.raises(UnavailableError):
        await reload
    assert (await write(executor)).checkpoint == serving.checkpoint
    assert executor.serving == serving


async def test_reload_waits_for_next_worker(executor: Executor, checkpoints: Path) -> None:
    restarts = executor.restarts
    signal_worker(executor, signal.SIGKILL)
    while executor.restarts == restarts:  # noqa: ASYNC110 (a restart has no event)
        await asyncio.sleep(0.01)
    reloaded = await executor.reload(checkpoints / "tiny")
    assert reloaded.new == executor.serving


async def test_reloaded_checkpoint_outlives_worker(executor: Executor, checkpoints: Path) -> None:
    reloaded = await executor.reload(checkpoints / "otro")
    generation = executor.submit(PHRASE, SHORT)
    signal_worker(executor, signal.SIGKILL)
    assert (await generation.result()).checkpoint == reloaded.new.checkpoint
    assert executor.serving == reloaded.new


async def test_console_announces_restart(executor: Executor) -> None:
    restarts = executor.restarts

    class Killing(io.StringIO):
        """A screen that kills the worker at the first characters of an answer."""

        def write(self, text: str) -> int:
            if executor.restarts == restarts and PHRASE in self.getvalue():
                signal_worker(executor, signal.SIGKILL)
            return super().write(text)

    screen = Killing()
    settings = Settings(sentence_limit=300)
    await Console(executor, settings, io.StringIO(PHRASE + "\n"), screen).run()
    broken_off, restarted = screen.getvalue().split(say("restarted"))
    assert PHRASE in broken_off
    assert restarted.startswith("\n" + PHRASE)
    assert restarted.endswith(say("goodbye") + "\n")


async def test_failing_restarts_fail_waiting_requests(executor: Executor, tmp_path: Path) -> None:
    folder = executor.serving.path
    away = folder.rename(tmp_path / "away")
    try:
        signal_worker(executor, signal.SIGKILL)
        with pytest.raises(UnavailableError):
            await write(executor, options=replace(ENDLESS, seed=1))
    finally:
        away.rename(folder)
    assert (await write(executor)).checkpoint == executor.serving.checkpoint


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Use up the file descriptors of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest + 1)]  # no gap is left below
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in held:
            os.close(each)


@contextmanager
def no_interpreter() -> Iterator[None]:
    """Hide the Python interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        yield


@contextmanager
def no_permission(tmp_path: Path) -> Iterator[None]:
    """Replace the Python interpreter by a file that is not executable."""
    program = tmp_path / "python"
    program.write_text("no program")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(program))
        yield


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
@pytest.mark.parametrize("kind", ["descriptors", "interpreter", "permission"])
async def test_refused_process_is_tried_again(
    executor: Executor, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = await write(executor)
    failing = {
        "descriptors": no_descriptor_left(),
        "interpreter": no_interpreter(),
        "permission": no_permission(tmp_path),
    }
    with failing[kind]:
        signal_worker(executor, signal.SIGKILL)
        while "the worker cannot start: no process can be started" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        generation = executor.submit(PHRASE, SHORT)
    assert await generation.result() == expected
    assert not executor.keeper.done()


async def test_first_start_fails_without_process(
    checkpoints: Path,
) -> None:
    executor = Executor(worker_options(checkpoints / "tiny"))
    with no_interpreter(), pytest.raises(UnavailableError, match="no process can be started"):
        await executor.start()
