"""The worker program that stands for a cluster: it passes requests on to replicas on Ray Serve.

It exchanges the worker's messages with the bot (`bot.executor.messages`). The bot watches, kills
and restarts it like any worker, because a Ray driver may hang or die with its part of the cluster.
When a replica dies, the bridge reports the lost requests and the bot decides which run again
(`bot.executor.executor`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.cluster.ray.environment import ray_environment
from bot.cluster.ray.names import APPLICATION, REGISTRY
from bot.cluster.ray.options import ClusterError
from bot.cluster.ray.reports import Begun, Status
from bot.executor.errors import Failure
from bot.executor.messages import (
    Alive,
    Cancel,
    Done,
    Load,
    Loaded,
    Lost,
    Message,
    NotLoaded,
    Ready,
    Refused,
    Replicas,
    Text,
    Unavailable,
    Unusable,
    Write,
)
from bot.executor.model_info import ModelInfo
from bot.net.tasks import TaskSet
from bot.worker.pipes import Pipes

# Heartbeat. The bot takes a silent bridge for hung; see bot.executor.executor.
ALIVE_SECONDS = 1.0
STATUS_SECONDS = 1.0
# Time for the registry to answer; time without an answer after which no replica is counted on.
ANSWER_SECONDS, TRUST_SECONDS = 5.0, 10.0
# Time without replicas after which requests are refused instead of kept waiting.
AWAY_SECONDS = 30.0
# Time without the registry after which the bridge ends, to be restarted.
LOST_SECONDS = 90.0
# Time for a cluster that is being started to have replicas.
PATIENCE_SECONDS = 60.0
REACH_SECONDS = 3.0
# Time in which requests that died with the same replica are collected into one message.
SETTLE_SECONDS = 0.25


class Bridge:
    """Passes messages between the bot and the cluster."""

    def __init__(self, pipes: Pipes, replicas: Any, registry: Any, folder: Path) -> None:
        """replicas, registry: handles of the two deployments. folder: the bot's checkpoints
        folder."""
        self._pipes, self._folder = pipes, folder
        self._replicas = replicas.options(stream=True)
        self._registry = registry
        self._writings: dict[int, asyncio.Task[None]] = {}
        self._errands = TaskSet()
        self._lost: defaultdict[str, list[int]] = defaultdict(list)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        # Times of the registry's last answer, and of the last one with replicas.
        self._answered = self._served = time.monotonic()

    async def run(self) -> None:
        """Serve until the input ends or the cluster is gone."""
        loop = asyncio.get_running_loop()

        def receive(message: Message | None) -> None:
            loop.call_soon_threadsafe(self._inbox.put_nowait, message)

        self._pipes.listen(receive)
        watching = asyncio.create_task(self._watch(), name="watch")
        reading = asyncio.create_task(self._read(), name="read")
        try:
            done, _ = await asyncio.wait((watching, reading), return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in (watching, reading, *self._writings.values(), *self._errands):
                each.cancel()

    async def _read(self) -> None:
        while (message := await self._inbox.get()) is not None:
            match message:
                case Write():
                    self._begin(message)
                case Cancel():
                    if (writing := self._writings.pop(message.number, None)) is not None:
                        writing.cancel()
                case Load():
                    self._errands.start(self._load(message), "load")

    def _begin(self, request: Write) -> None:
        number = request.number
        if self._away:
            self._pipes.send(Unavailable(number))
            return
        writing = asyncio.create_task(self._write(request), name=f"write {number}")
        self._writings[number] = writing

    @property
    def _away(self) -> bool:
        return time.monotonic() - self._served > AWAY_SECONDS

    async def _write(self, request: Write) -> None:
        """One request, until it is finished, cancelled or lost."""
        number, replica = request.number, ""
        me = asyncio.current_task()
        try:
            async for reply in _stream(self._replicas, request):
                if isinstance(reply, Begun):
                    replica = reply.replica
                else:
                    self._pipes.send(replace(reply, number=number))
        except Exception as error:  # noqa: BLE001 (of any kind: the request runs again elsewhere)
            self._lose(number, getattr(error, "actor_id", None) or replica, error)
        finally:
            if self._writings.get(number) is me:
                del self._writings[number]

    def _lose(self, number: int, replica: str, error: Exception) -> None:
        """Report a lost request, together with the others of its replica."""
        if replica not in self._lost:
            print(f"lost: {type(error).__name__}", file=sys.stderr)  # noqa: T201 (the bot logs it)
            loop = asyncio.get_running_loop()
            loop.call_later(SETTLE_SECONDS, self._send_lost, replica)
        self._lost[replica].append(number)

    def _send_lost(self, replica: str) -> None:
        self._pipes.send(Lost(tuple(self._lost.pop(replica))))

    async def _load(self, request: Load) -> None:
        """Have every replica load a checkpoint; the name of the bot's folder names it."""
        answer: Loaded | NotLoaded | Unavailable
        try:
            answer = await self._registry.roll.remote(request.number, Path(request.path).name)
        except Exception as error:  # noqa: BLE001 (Ray raises many kinds when the registry is away)
            print(f"reload: {type(error).__name__}", file=sys.stderr)  # noqa: T201
            answer = Unavailable(request.number)
        if isinstance(answer, Loaded):
            answer = replace(answer, model=placed(answer.model, self._folder))
        self._pipes.send(answer)

    async def _watch(self) -> None:
        """Send heartbeats and the state of the cluster; refuse requests when it is away."""
        while time.monotonic() - self._answered < LOST_SECONDS:
            replicas = await self._state()
            self._pipes.send(replicas or Alive())
            if self._away:
                self._refuse_all()
            await asyncio.sleep(STATUS_SECONDS)
        print("the registry does not answer", file=sys.stderr)  # noqa: T201

    async def _state(self) -> Replicas | None:
        """The state of the cluster, None without news while the last one is still trusted."""
        asking = asyncio.ensure_future(ask(self._registry))
        waited = 0.0
        while not asking.done() and waited < ANSWER_SECONDS:
            await asyncio.wait([asking], timeout=ALIVE_SECONDS)
            if not asking.done():
                self._pipes.send(Alive())
                waited += ALIVE_SECONDS
        asking.cancel()
        now = time.monotonic()
        try:
            replicas = asking.result().replicas
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 (away, for any reason)
            if now - self._answered < TRUST_SECONDS:
                return None
            return Replicas(None, (), ())
        self._answered = now
        if replicas.replicas:
            self._served = now
        model = replicas.model and placed(replicas.model, self._folder)
        return replace(replicas, model=model)

    def _refuse_all(self) -> None:
        for number, writing in self._writings.items():
            writing.cancel()
            self._pipes.send(Unavailable(number))
        self._writings.clear()


def placed(model: ModelInfo, folder: Path) -> ModelInfo:
    """A replica's model, with its path in the bot's checkpoints folder."""
    return replace(model, path=folder / model.path.name)


async def ask(registry: Any) -> Status:
    """The state of the cluster. Raises Ray's errors."""
    status: Status = await registry.status.remote()
    return status


async def _stream(replicas: Any, request: Write) -> AsyncIterator[Begun | Text | Done | Refused]:
    """The replies to a request. Closing the stream cancels the request on its replica."""
    response = replicas.write.remote(request)
    try:
        async for replies in response:
            for reply in replies:
                yield reply
    finally:
        response.cancel()


def reach(address: str) -> None:
    """Raise ClusterError if the address refuses connections; Ray would try for a minute."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except OSError:
        raise ClusterError("cluster_away", address=address) from None


def join(address: str) -> tuple[Any, Any]:
    """Become a driver of the cluster: the handles of replicas and registry. Raises ClusterError."""
    reach(address)
    import ray
    from ray import serve

    # The bridge prints one line for each loss; Ray would log a traceback for each.
    logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
    # Ray's router leaves failed tasks behind that asked dead replicas.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # noqa: BLE001 (Ray raises many kinds)
        reason = type(error).__name__
        raise ClusterError("cluster_refused", address=address, reason=reason) from None
    try:
        return (
            serve.get_app_handle(APPLICATION),
            serve.get_deployment_handle(REGISTRY, APPLICATION),
        )
    except Exception:  # noqa: BLE001 (no Serve, or not our application)
        raise ClusterError("cluster_empty", address=address) from None


async def prepare(address: str, registry: Any, folder: Path, wanted: str) -> Ready:
    """Wait for replicas that serve a model. Raises ClusterError.

    wanted: name of the checkpoint to load while the cluster serves its first one, or "".
    """
    status, model = await _agreed(address, registry)
    if wanted and status.version == 0 and model.path.name != wanted:
        answer = await registry.roll.remote(0, wanted)
        if not isinstance(answer, Loaded):
            print("the chosen checkpoint cannot be served", file=sys.stderr)  # noqa: T201
        status, model = await _agreed(address, registry)
    model = placed(model, folder)
    return Ready(model, replace(status.replicas, model=model))


async def _agreed(address: str, registry: Any) -> tuple[Status, ModelInfo]:
    """The status of a cluster with a model, and that model."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(ask(registry), ANSWER_SECONDS)
            if status.replicas.model is not None:
                return status, status.replicas.model
        if time.monotonic() > deadline:
            raise ClusterError("cluster_idle", address=address)
        await asyncio.sleep(STATUS_SECONDS / 4)


async def serve_bot(pipes: Pipes, address: str, folder: Path, wanted: str) -> None:
    """Join the cluster and serve. Raises ClusterError."""
    replicas, registry = join(address)
    pipes.send(await prepare(address, registry, folder, wanted))
    await Bridge(pipes, replicas, registry, folder).run()


def main() -> None:
    """Arguments: the head's address, the bot's checkpoints folder, the chosen checkpoint or "",
    the token file or ""."""
    address, folder, wanted, token_file = sys.argv[1:]
    pipes = Pipes()
    os.environ |= ray_environment(Path(token_file) if token_file else None)
    code = 0
    try:
        asyncio.run(serve_bot(pipes, address, Path(folder), wanted))
    except ClusterError as error:
        pipes.send(Unusable(Failure.of(error)))
        code = 1
    except BrokenPipeError:  # the bot has ended, and buffered output cannot be flushed
        code = 1
    # Leaving a cluster that is gone may take forever.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
