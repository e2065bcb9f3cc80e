"""The worker program that stands for a cluster: what the bot asks goes to replicas on Ray Serve.

It speaks the worker's protocol with the bot (`bot.executor.messages`), which watches it, kills it
and starts it again like any worker: a Ray driver may hang or end with the part of the cluster it
belongs to. A replica that dies costs the bot nothing but time: the bridge says which requests were
lost with it, and the bot decides which of them run again (`bot.executor.executor`).
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
from pathlib import Path
from typing import Any

from bot.cluster.ray.environment import ray_environment
from bot.cluster.ray.names import APPLICATION, REGISTRY
from bot.executor.errors import ClusterError
from bot.executor.messages import Message, error_message
from bot.net.tasks import TaskSet
from bot.worker.pipes import Pipes

# A bot that is told so little often takes the bridge for hung; see bot.executor.executor.
ALIVE_SECONDS = 1.0
STATUS_SECONDS = 1.0
# How long the registry may take to answer, and be away before nobody is believed to write.
ANSWER_SECONDS, TRUST_SECONDS = 5.0, 10.0
# Without anybody who writes for so long, requests are refused instead of kept waiting.
AWAY_SECONDS = 30.0
# Without the registry for so long, the bridge begins anew.
LOST_SECONDS = 90.0
# A cluster that is just being started has replicas within this time.
PATIENCE_SECONDS = 60.0
REACH_SECONDS = 3.0
# Requests that are lost together are told of together: with one replica, that is.
SETTLE_SECONDS = 0.25


class Bridge:
    """Passes requests on and tells the bot what comes of them."""

    def __init__(self, pipes: Pipes, replicas: Any, registry: Any) -> None:
        """replicas, registry: handles of the two deployments."""
        self._pipes = pipes
        self._replicas = replicas.options(stream=True)
        self._registry = registry
        self._writings: dict[int, asyncio.Task[None]] = {}
        self._errands = TaskSet()
        self._lost: defaultdict[str, list[int]] = defaultdict(list)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        # When the registry last answered, and when there was last somebody who writes.
        self._answered = self._served = time.monotonic()

    async def run(self) -> None:
        """Serve until the input ends or the cluster is gone."""
        loop = asyncio.get_running_loop()

        def hear(message: Message | None) -> None:
            loop.call_soon_threadsafe(self._inbox.put_nowait, message)

        self._pipes.listen(hear)
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
            match message["do"]:
                case "write":
                    self._begin(message)
                case "cancel":
                    if (writing := self._writings.pop(message["id"], None)) is not None:
                        writing.cancel()
                case "load":
                    self._errands.start(self._load(message), "load")

    def _begin(self, message: Message) -> None:
        number = message["id"]
        if self._away:
            self._pipes.say({"is": "unavailable", "id": number})
            return
        writing = asyncio.create_task(self._write(message), name=f"write {number}")
        self._writings[number] = writing

    @property
    def _away(self) -> bool:
        return time.monotonic() - self._served > AWAY_SECONDS

    async def _write(self, request: Message) -> None:
        """One request, until it is finished, cancelled or lost."""
        number, replica = request["id"], ""
        me = asyncio.current_task()
        try:
            async for message in _stream(self._replicas, request):
                if message["is"] == "begun":
                    replica = message["replica"]
                else:
                    self._pipes.say(message | {"id": number})
        except Exception as error:  # noqa: BLE001 (whatever it is, it runs again elsewhere)
            self._lose(number, getattr(error, "actor_id", None) or replica, error)
        finally:
            if self._writings.get(number) is me:
                del self._writings[number]

    def _lose(self, number: int, replica: str, error: Exception) -> None:
        """Tell of a lost request, together with what else is lost with that replica."""
        if replica not in self._lost:
            print(f"lost: {type(error).__name__}", file=sys.stderr)  # noqa: T201 (the bot reads it)
            loop = asyncio.get_running_loop()
            loop.call_later(SETTLE_SECONDS, self._tell_lost, replica)
        self._lost[replica].append(number)

    def _tell_lost(self, replica: str) -> None:
        self._pipes.say({"is": "lost", "ids": self._lost.pop(replica)})

    async def _load(self, message: Message) -> None:
        """Have every replica load a checkpoint; the bot knows its name by its folder's."""
        try:
            answer: Message = await self._registry.roll.remote(Path(message["path"]).name)
        except Exception as error:  # noqa: BLE001 (Ray has many kinds of not being there)
            print(f"reload: {type(error).__name__}", file=sys.stderr)  # noqa: T201
            answer = {"is": "unavailable"}
        self._pipes.say(answer | {"id": message["id"]})

    async def _watch(self) -> None:
        """Tell the bot that this process lives and who writes, and whom it waits for in vain."""
        while time.monotonic() - self._answered < LOST_SECONDS:
            status = await self._status()
            self._pipes.say(status or {"is": "alive"})
            if self._away:
                self._refuse_all()
            await asyncio.sleep(STATUS_SECONDS)
        print("the registry does not answer", file=sys.stderr)  # noqa: T201

    async def _status(self) -> Message | None:
        """A message `replicas`, or None while nothing is known and what was is still trusted."""
        asking = asyncio.ensure_future(ask(self._registry))
        waited = 0.0
        while not asking.done() and waited < ANSWER_SECONDS:
            await asyncio.wait([asking], timeout=ALIVE_SECONDS)
            if not asking.done():
                self._pipes.say({"is": "alive"})
                waited += ALIVE_SECONDS
        asking.cancel()
        now = time.monotonic()
        try:
            status = asking.result()
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 (it is away, whyever)
            if now - self._answered < TRUST_SECONDS:
                return None
            return {"is": "replicas", "serving": None, "names": [], "replicas": []}
        self._answered = now
        if status["replicas"]:
            self._served = now
        return status

    def _refuse_all(self) -> None:
        for number, writing in self._writings.items():
            writing.cancel()
            self._pipes.say({"is": "unavailable", "id": number})
        self._writings.clear()


async def ask(registry: Any) -> Message:
    """Who writes, and with what."""
    status: Message = await registry.status.remote()
    return status


async def _stream(replicas: Any, request: Message) -> AsyncIterator[Message]:
    """The messages that answer a request; it is cancelled there when nobody wants them here."""
    response = replicas.write.remote(request)
    try:
        async for messages in response:
            for message in messages:
                yield message
    finally:
        response.cancel()


def reach(address: str) -> None:
    """See whether anybody listens there, before Ray tries for a minute; raises ClusterError."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except OSError:
        raise ClusterError("cluster_away", address=address) from None


def join(address: str) -> tuple[Any, Any]:
    """Become a driver of the cluster; the handles of replicas and registry. Raises ClusterError."""
    reach(address)
    import ray
    from ray import serve

    # What is worth the bot's log is said here; Ray would write whole tracebacks of every loss.
    logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
    # Its router leaves tasks behind that asked replicas which are gone.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # noqa: BLE001 (Ray has many kinds of not being there)
        reason = type(error).__name__
        raise ClusterError("cluster_refused", address=address, reason=reason) from None
    try:
        return (
            serve.get_app_handle(APPLICATION),
            serve.get_deployment_handle(REGISTRY, APPLICATION),
        )
    except Exception:  # noqa: BLE001 (no Serve, no application of ours)
        raise ClusterError("cluster_empty", address=address) from None


async def prepare(address: str, registry: Any, wanted: str) -> Message:
    """Wait for replicas; what they say of themselves. Where nobody has chosen a checkpoint since
    the cluster began, have them load `wanted`, if that is any. Raises ClusterError."""
    status = await _somebody(address, registry)
    if wanted and status["version"] == 0 and status["serving"]["asked"] != wanted:
        rolled = await registry.roll.remote(wanted)
        if rolled["is"] != "loaded":
            print("the chosen checkpoint cannot be served", file=sys.stderr)  # noqa: T201
        status = await _somebody(address, registry)
    return status


async def _somebody(address: str, registry: Any) -> Message:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status = None
        with contextlib.suppress(TimeoutError):
            status = await asyncio.wait_for(ask(registry), ANSWER_SECONDS)
        if status is not None and status["serving"] is not None:
            return status
        if time.monotonic() > deadline:
            raise ClusterError("cluster_idle", address=address)
        await asyncio.sleep(STATUS_SECONDS / 4)


async def serve_bot(pipes: Pipes, address: str, wanted: str) -> None:
    """Join the cluster and serve. Raises ClusterError."""
    replicas, registry = join(address)
    status = await prepare(address, registry, wanted)
    pipes.say({**status, **status["serving"], "is": "ready"})
    await Bridge(pipes, replicas, registry).run()


def main() -> None:
    """Arguments: address of the head, checkpoint that was chosen or nothing, file of the token."""
    address, wanted, token_file = sys.argv[1:]
    pipes = Pipes()
    os.environ |= ray_environment(Path(token_file) if token_file else None)
    code = 0
    try:
        asyncio.run(serve_bot(pipes, address, wanted))
    except ClusterError as error:
        pipes.say({"is": "unusable", "error": error_message(error)})
        code = 1
    except BrokenPipeError:  # the bot is gone, and what is left to say with it
        code = 1
    # Taking leave of a cluster that is gone can take as long as it likes.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
