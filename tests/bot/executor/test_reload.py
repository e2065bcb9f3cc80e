"""Reloads: new requests get another checkpoint, unfinished texts keep theirs."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.executor.executor import Executor
from model.checkpoint.filenames import METRICS
from model.errors import CheckpointError
from model.text.prompt import Options
from tests.bot.damage import DAMAGES, ODD, PICKLE_TRACE
from tests.bot.executors import PHRASE, first_piece, running, signal_worker, write

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(checkpoints: Path) -> AsyncIterator[Executor]:
    async with running(checkpoints / "tiny") as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def serving_tiny(executor: Executor, checkpoints: Path) -> None:
    if executor.serving.name != "tiny":
        await executor.reload(checkpoints / "tiny")


async def test_reload_keeps_old_model_for_unfinished_texts(
    executor: Executor, checkpoints: Path
) -> None:
    under_way = executor.submit(PHRASE, Options(sentence_limit=2000, seed=1))
    await first_piece(under_way)
    reloaded = await executor.reload(checkpoints / "otro")
    assert not under_way.done
    new, old = await asyncio.gather(write(executor), under_way.result())
    assert (old.checkpoint, new.checkpoint) == (
        reloaded.old.checkpoint,
        reloaded.new.checkpoint,
    )
    assert old.checkpoint != new.checkpoint


async def test_reload_returns_old_and_new_model(executor: Executor, checkpoints: Path) -> None:
    before = executor.serving
    reloaded = await executor.reload(checkpoints / "otro")
    assert reloaded.old == before
    assert reloaded.new == executor.serving
    assert (reloaded.new.name, reloaded.new.path) == ("otro", checkpoints / "otro")
    assert reloaded.seconds > 0


async def test_same_checkpoint_can_be_reloaded(executor: Executor) -> None:
    before = await write(executor)
    reloaded = await executor.reload(executor.serving.path)
    assert reloaded.new == reloaded.old
    assert await write(executor) == before


@pytest.mark.parametrize(("damage", "file"), [*DAMAGES, *ODD])
async def test_reload_keeps_old_model_on_failure(
    executor: Executor,
    checkpoints: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    file: str,
) -> None:
    broken = Path(shutil.copytree(checkpoints / "otro", tmp_path / "broken"))
    damage(broken)
    serving = executor.serving
    with pytest.raises(CheckpointError) as refusal:
        await executor.reload(broken)
    assert str(refusal.value.values["file"]) == str(broken / file)
    assert executor.serving == serving
    assert (await write(executor)).checkpoint == serving.checkpoint
    assert not (tmp_path / PICKLE_TRACE).exists()


async def test_absurd_loss_is_none(executor: Executor, checkpoints: Path, tmp_path: Path) -> None:
    odd = Path(shutil.copytree(checkpoints / "otro", tmp_path / "odd"))
    (odd / METRICS).write_text('{"dev_loss": 1' + "0" * 400 + "}", "utf-8")
    reloaded = await executor.reload(odd)
    assert reloaded.new.loss is None
    await executor.reload(reloaded.old.path)


async def test_hung_reload_times_out_and_allows_another(
    executor: Executor, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.executor.reloads.RELOAD_SECONDS", 0.5)
    signal_worker(executor, signal.SIGSTOP)
    with pytest.raises(CheckpointError, match="no answer"):
        await executor.reload(checkpoints / "otro")
    signal_worker(executor, signal.SIGCONT)
    monkeypatch.undo()
    assert (await executor.reload(checkpoints / "tiny")).new.name == "tiny"


async def test_reload_refuses_missing_folder(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as refusal:
        await executor.reload(tmp_path / "nowhere")
    assert refusal.value.code == "no_folder"
    assert (await write(executor)).checkpoint == executor.serving.checkpoint


async def test_abandoned_reload_still_takes_effect(executor: Executor, checkpoints: Path) -> None:
    signal_worker(executor, signal.SIGSTOP)
    abandoned = asyncio.create_task(executor.reload(checkpoints / "otro"))
    await asyncio.sleep(0)
    abandoned.cancel()
    signal_worker(executor, signal.SIGCONT)
    while executor.serving.name != "otro":  # noqa: ASYNC110 (an abandoned reload has no event)
        await asyncio.sleep(0.01)
    assert (await write(executor)).checkpoint == executor.serving.checkpoint
