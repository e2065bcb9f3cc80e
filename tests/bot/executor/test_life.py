"""Start and end of an executor and its worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from bot.executor.executor import Executor
from bot.executor.generation import UnavailableError
from model.errors import CheckpointError, DeviceError
from tests.bot.executors import (
    ENDLESS,
    PHRASE,
    SHORT,
    first_piece,
    running,
    signal_worker,
    worker_options,
    write,
)
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.timeout(120)

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"checkpoint": Path("nowhere")}, CheckpointError, id="no checkpoint"),
        pytest.param({"device": "cuda"}, DeviceError, id="no GPU", marks=no_gpu),
    ],
)
async def test_failed_start_raises_and_leaves_no_process(
    checkpoints: Path, changes: dict[str, object], expected: type[Exception]
) -> None:
    executor = Executor(worker_options(**({"checkpoint": checkpoints / "tiny"} | changes)))
    with pytest.raises(expected):
        await executor.start()
    assert executor.worker_pid is None
    assert executor.restarts == 0
    with pytest.raises(UnavailableError):
        executor.submit(PHRASE, SHORT)


async def test_close_ends_worker_and_fails_requests(checkpoints: Path) -> None:
    async with running(checkpoints / "tiny") as executor:
        unfinished = executor.submit(PHRASE, ENDLESS)
        await first_piece(unfinished)
        pid = executor.worker_pid
        assert pid is not None
    with pytest.raises(UnavailableError):
        await unfinished.result()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(UnavailableError):
        executor.submit(PHRASE, SHORT)
    with pytest.raises(UnavailableError):
        await executor.reload(checkpoints / "otro")
    await executor.close()  # the second call has no effect


async def test_close_fails_pending_reload(checkpoints: Path) -> None:
    async with running(checkpoints / "tiny") as executor:
        signal_worker(executor, signal.SIGSTOP)
        reload = asyncio.create_task(executor.reload(checkpoints / "otro"))
        await asyncio.sleep(0)
        signal_worker(executor, signal.SIGKILL)
    with pytest.raises(UnavailableError):
        await reload


async def test_worker_ignores_modules_in_working_directory(
    checkpoints: Path, tmp_path: Path
) -> None:
    for module in ("torch.py", "queue.py", "model.py"):
        (tmp_path / module).write_text("raise SystemExit(3)\n")
    async with running(checkpoints / "tiny") as executor:
        assert (await write(executor)).text.startswith(PHRASE)


ORPHANING = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.bot.executors import ENDLESS, first_piece, running

async def main():
    async with running(Path(sys.argv[1])) as executor:
        await first_piece(executor.submit("Hola", ENDLESS))
        print(executor.worker_pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_worker_ends_when_bot_is_killed(checkpoints: Path) -> None:
    bot = subprocess.run(
        [sys.executable, "-c", ORPHANING, checkpoints / "tiny"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert bot.returncode == -signal.SIGKILL
    assert bot.stderr == ""
    with contextlib.suppress(psutil.NoSuchProcess):  # it is gone already
        psutil.Process(int(bot.stdout)).wait(timeout=30)


def test_failed_worker_logs_place_without_phrase(checkpoints: Path) -> None:
    message = (
        b'{"kind": "Write", "number": 1, "phrase": "Zarzaparrilla", "options": {"x": "Zarza"}}\n'
    )
    worker = subprocess.run(
        [sys.executable, "-m", "bot.worker", checkpoints / "tiny", "auto", "cpu", "1", "4"],
        cwd=REPOSITORY,
        input=message,
        capture_output=True,
        timeout=60,
        check=False,
    )
    (line,) = worker.stderr.decode().splitlines()
    assert worker.returncode == 1
    assert line.startswith("failed: ValueError in decode, ")
    assert "Zarza" not in line


TORCH_FREE = """
import sys
import bot.app, bot.cli, bot.ops.generate_once
assert bot.cli.run(["--help"]) == 0
assert bot.cli.run(["escribe", ""]) == 1
sys.exit("torch" in sys.modules)
"""


def test_bot_process_never_imports_torch() -> None:
    bot = subprocess.run([sys.executable, "-c", TORCH_FREE], check=False, capture_output=True)
    assert bot.returncode == 0, bot.stderr.decode()
