"""The registry without Ray: replicas agree on a checkpoint, or keep the old one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cluster.ray import registry as registry_module
from bot.cluster.ray.pool import ReplicaPool
from bot.cluster.ray.registry import Registry
from bot.cluster.ray.reports import Goal, LoadOutcome, Orders, Report
from bot.executor.errors import Failure
from bot.executor.messages import Loaded, NotLoaded, Unavailable
from bot.executor.model_info import ModelInfo
from model.errors import CheckpointError

MODEL = ModelInfo(Path("small"), "small", "small-id", 1, None, (), "cpu", 1, "native", 1)
MISSING = Failure.of(CheckpointError("missing", file="model.safetensors"))
# The id of every checkpoint but the first one.
LOADED = "another-id"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "HEAR_SECONDS", 0.2)


async def follow(registry: Registry, name: str, loads: str | Failure) -> None:
    """A replica. loads: id of the loaded checkpoint, or the reason of a failure."""
    report = Report(name, f"{name}-node", 4, 1, (name, "small"), 0, MODEL, None, None)
    while True:
        orders: Orders = await registry.report(report)
        report = replace(report, orders=orders)
        if orders.serve.version > report.version:
            model = replace(MODEL, path=Path(orders.serve.name), checkpoint=LOADED)
            report = replace(report, version=orders.serve.version, model=model, loaded=None)
        elif orders.load is not None and report.loaded is None:
            failure = loads if isinstance(loads, Failure) else None
            checkpoint = None if isinstance(loads, Failure) else loads
            outcome = LoadOutcome(orders.load.version, checkpoint, 0.5, failure)
            report = replace(report, loaded=outcome)
        elif orders.load is None:
            report = replace(report, loaded=None)


@asynccontextmanager
async def replicas(registry: Registry, *loads: str | Failure) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(follow(registry, name, each))
        for name, each in zip("abc", loads, strict=False)
    ]
    await asyncio.sleep(0.1)
    yield
    for task in tasks:
        task.cancel()


async def test_status_lists_replicas_and_their_checkpoints() -> None:
    registry, pool = Registry("small"), ReplicaPool()
    async with replicas(registry, LOADED, LOADED):
        status = await registry.status()
    assert (status.version, status.replicas.model) == (0, MODEL)
    pool.update(status.replicas)
    assert [each.name for each in pool.replicas] == ["a", "b"]
    assert (pool.size, pool.slots, pool.available) == (2, 8, True)
    assert pool.checkpoint_names(Path("here")) == ["a", "b", "small"]
    assert pool.named_checkpoint("a", Path("here")) == Path("here/a")
    with pytest.raises(CheckpointError) as refusal:
        pool.named_checkpoint("c", Path("here"))
    assert refusal.value.values["known"] == "a, b, small"
    pool.clear()
    assert (pool.size, pool.slots, pool.available) == (1, 0, False)


async def test_all_replicas_serve_what_all_have_loaded() -> None:
    registry = Registry("small")
    async with replicas(registry, LOADED, LOADED):
        answer = await registry.roll(7, "otro")
    assert isinstance(answer, Loaded)
    assert (answer.number, answer.model.path.name, answer.model.checkpoint) == (7, "otro", LOADED)
    assert [(each.name, each.seconds) for each in answer.replicas] == [("a", 0.5), ("b", 0.5)]
    assert await registry.goal() == Goal(1, "otro", LOADED)


async def test_one_failure_keeps_the_old_checkpoint() -> None:
    registry = Registry("small")
    async with replicas(registry, LOADED, MISSING):
        answer = await registry.roll(8, "otro")
    assert isinstance(answer, NotLoaded)
    assert (answer.number, answer.failure) == (8, MISSING)
    assert [each.failure for each in answer.replicas if each.name == "b"] == [MISSING]
    assert await registry.goal() == Goal(0, "small", MODEL.checkpoint)


async def test_different_checkpoints_keep_the_old_one() -> None:
    registry = Registry("small")
    async with replicas(registry, LOADED, "third-id"):
        answer = await registry.roll(9, "otro")
    assert isinstance(answer, NotLoaded)
    assert answer.failure.code == "differs"
    assert await registry.goal() == Goal(0, "small", MODEL.checkpoint)


async def test_roll_without_replicas_is_unavailable() -> None:
    assert await Registry("small").roll(10, "otro") == Unavailable(10)
