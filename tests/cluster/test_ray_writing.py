"""Two replicas on two nodes of a Ray cluster: they behave like a local worker, and a failure loses
no answer."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.executor.executor import Executor
from bot.executor.generation import Restarted, WorkerLostError
from bot.executor.model_info import RolledBackError
from model.engine.result import Result
from model.errors import CheckpointError, PromptError
from model.text.prompt import Options
from tests.bot.executors import ENDLESS, PHRASE, SHORT, first_piece, running, write
from tests.cluster.ray_nodes import (
    REGISTRY_TITLE,
    RayCluster,
    RayNode,
    kill,
    needs_ray,
    ray_cluster,
    until,
    using,
)

pytestmark = [needs_ray, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

# Two of them have candidates.
MANY = [
    Options(sentence_limit=150, seed=seed, candidates=4 if seed < 2 else 1) for seed in range(8)
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Iterator[RayCluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray"), checkpoints) as ours:
        ours.begin()
        for _ in range(2):
            ours.add()
        ours.deploy(min_replicas=2, max_replicas=2)
        yield ours


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(cluster: RayCluster) -> AsyncIterator[Executor]:
    async with using(cluster) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def two_replicas(executor: Executor, cluster: RayCluster) -> AsyncIterator[None]:
    """Every test starts with both, and finishes its requests."""
    await until(lambda: len(executor.pool.replicas or ()) == len(cluster.replicas()) == 2)
    if executor.serving.name != "lento":
        await executor.reload(executor.serving.path.with_name("lento"))
    yield
    assert executor.pending == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(checkpoints: Path) -> list[Result]:
    """The texts of a local worker."""
    async with running(checkpoints / "lento", engine="auto") as local:
        return await ask(local)


async def ask(executor: Executor) -> list[Result]:
    return await asyncio.gather(*(write(executor, options=each) for each in MANY))


def writing(executor: Executor) -> list[int]:
    """The number of texts of each replica."""
    return [each.writing for each in executor.pool.replicas or ()]


def place(executor: Executor, name: str) -> Path:
    """The path to reload for a name."""
    return executor.pool.named_checkpoint(name, executor.serving.path.parent)


async def test_cluster_writes_same_texts_as_local_worker(
    executor: Executor, undisturbed: list[Result]
) -> None:
    assert await ask(executor) == undisturbed


async def test_bundled_checkpoint_writes_same_texts(executor: Executor, checkpoints: Path) -> None:
    async with running(checkpoints / "small", engine="auto") as local:
        alone = await ask(local)
    await executor.reload(place(executor, "small"))
    assert await ask(executor) == alone


async def test_both_replicas_write(executor: Executor) -> None:
    generations = [executor.submit(PHRASE, replace(ENDLESS, seed=seed)) for seed in range(6)]
    await until(lambda: sum(writing(executor)) == 6 and min(writing(executor)) > 0)
    for generation in generations:
        executor.cancel(generation)


async def test_streamed_pieces_join_to_continuation(executor: Executor) -> None:
    generation = executor.submit(PHRASE, Options(sentence_limit=400, seed=7))
    pieces = [piece async for piece in generation]
    assert len(pieces) > 1
    assert PHRASE + "".join(map(str, pieces)) == (await generation.result()).text


async def test_cancel_stops_replicas(executor: Executor) -> None:
    # No more than one replica writes at a time, so that none waits.
    generations = [executor.submit(PHRASE, replace(ENDLESS, seed=seed)) for seed in range(4)]
    await asyncio.gather(*map(first_piece, generations))
    await until(lambda: sum(writing(executor)) == len(generations))
    for generation in generations:
        executor.cancel(generation)
    for generation in generations:
        with pytest.raises(asyncio.CancelledError):
            await generation.result()
    await until(lambda: sum(writing(executor)) == 0)


async def test_unknown_style_is_refused_with_known_styles(executor: Executor) -> None:
    with pytest.raises(PromptError) as refusal:
        await write(executor, options=replace(SHORT, style="quevedo"))
    assert tuple(refusal.value.values["known"]) == executor.serving.styles


async def test_reload_reaches_all_replicas_and_drops_no_request(
    executor: Executor, cluster: RayCluster
) -> None:
    before = executor.serving
    asking = [asyncio.create_task(ask(executor)) for _ in range(3)]
    reloaded = await executor.reload(place(executor, "otro"))
    after = await ask(executor)
    texts = [result for each in asking for result in await each]

    assert reloaded.old == before
    assert reloaded.new == executor.serving
    assert executor.serving.name == "otro"
    assert len(reloaded.replicas) == 2
    assert all(each.seconds is not None and each.error is None for each in reloaded.replicas)
    assert {result.checkpoint for result in after} == {executor.serving.checkpoint}
    assert {each.checkpoint for each in executor.pool.replicas or ()} <= {
        before.checkpoint,
        executor.serving.checkpoint,
    }
    assert len(texts) == 3 * len(MANY)
    assert {text.checkpoint for text in texts} <= {before.checkpoint, reloaded.new.checkpoint}


async def test_reload_rolls_back_when_one_node_fails(
    executor: Executor, cluster: RayCluster, undisturbed: list[Result]
) -> None:
    sound, damaged = cluster.nodes
    for node in (sound, damaged):
        shutil.copytree(node.checkpoints / "otro", node.checkpoints / "roto")
    weights = damaged.checkpoints / "roto" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    await until(lambda: "roto" in executor.pool.checkpoint_names(Path()))

    serving = executor.serving
    asking = asyncio.create_task(ask(executor))
    with pytest.raises(RolledBackError) as failure:
        await executor.reload(place(executor, "roto"))
    assert isinstance(failure.value.cause, CheckpointError)
    assert str(failure.value.cause.values["file"]) == str(weights)
    assert {each.node.split("/")[0] for each in failure.value.replicas if each.error} == {
        "127.0.0.4"
    }
    assert executor.serving == serving
    assert await asking == await ask(executor) == undisturbed


async def test_reload_rolls_back_when_checkpoints_differ(
    executor: Executor, cluster: RayCluster, undisturbed: list[Result]
) -> None:
    first, second = cluster.nodes
    shutil.copytree(first.checkpoints / "lento", first.checkpoints / "doble")
    shutil.copytree(second.checkpoints / "otro", second.checkpoints / "doble")
    await until(lambda: "doble" in executor.pool.checkpoint_names(Path()))
    with pytest.raises(RolledBackError) as failure:
        await executor.reload(place(executor, "doble"))
    assert failure.value.cause.code == "differs"
    assert await ask(executor) == undisturbed


async def test_killed_replica_loses_no_answer(executor: Executor, cluster: RayCluster) -> None:
    await executor.reload(place(executor, "otro"))
    expected, restarts, before = await ask(executor), executor.restarts, cluster.replicas()
    generations = [executor.submit(PHRASE, each) for each in MANY]
    await asyncio.gather(*map(first_piece, generations[:4]))
    kill(before[0])
    assert await asyncio.gather(*(each.result() for each in generations)) == expected
    assert executor.restarts == restarts
    await until(lambda: len(set(cluster.replicas()) - set(before)) == 1)
    await until(
        lambda: (
            [each.checkpoint for each in executor.pool.replicas or ()]
            == [executor.serving.checkpoint] * 2
        )
    )


async def test_stream_restarts_when_replica_dies(executor: Executor, cluster: RayCluster) -> None:
    expected = await write(executor, options=ENDLESS)  # long enough to be seen and killed
    generation = executor.submit(PHRASE, ENDLESS)
    pieces: list[str | Restarted] = []
    async for piece in generation:
        if not pieces:
            for pid in cluster.replicas():  # the one with the request is among them
                kill(pid)
        pieces.append(piece)
    (place_of_restart,) = (n for n, each in enumerate(pieces) if isinstance(each, Restarted))
    assert place_of_restart > 0
    assert PHRASE + "".join(map(str, pieces[place_of_restart + 1 :])) == expected.text
    assert await generation.result() == expected


async def test_request_that_kills_two_replicas_is_given_up(
    executor: Executor, cluster: RayCluster
) -> None:
    generation = executor.submit(PHRASE, ENDLESS)
    killed = set[int]()
    async for piece in generation:
        if isinstance(piece, str):
            busy = {pid for pid in cluster.replicas() if pid not in killed}
            killed |= busy
            for pid in busy:
                kill(pid)
    with pytest.raises(WorkerLostError):
        await generation.result()
    assert (await write(executor)).text.startswith(PHRASE)


async def test_chosen_checkpoint_outlives_registry(executor: Executor, cluster: RayCluster) -> None:
    await executor.reload(place(executor, "otro"))
    chosen = executor.serving.checkpoint
    (registry,) = cluster.replicas(REGISTRY_TITLE)
    kill(registry)
    assert {result.checkpoint for result in await ask(executor)} == {chosen}
    await until(lambda: cluster.replicas(REGISTRY_TITLE) not in ([], [registry]))
    assert (await executor.reload(place(executor, "lento"))).old.checkpoint == chosen
    assert executor.serving.name == "lento"


async def test_killed_node_loses_no_answer(
    executor: Executor, cluster: RayCluster, undisturbed: list[Result]
) -> None:
    restarts = executor.restarts
    generations = [executor.submit(PHRASE, each) for each in MANY]
    await asyncio.gather(*map(first_piece, generations[:4]))
    lost: RayNode = cluster.nodes[1]
    lost.kill()
    assert await asyncio.gather(*(each.result() for each in generations)) == undisturbed
    assert executor.restarts == restarts
    # The other node has room for both replicas.
    await until(lambda: len(cluster.nodes[0].replicas()) == 2)
