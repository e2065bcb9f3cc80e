"""A replica: the worker's loop behind Ray Serve.

The engine runs in a thread of its own (`bot.worker.loop`) with continuous batching. A request is a
stream of messages (`bot.executor.messages`), which the bridge passes on to the bot.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.cluster.ray.reports import Begun, Goal, LoadOutcome, Orders, Report
from bot.executor.errors import Failure
from bot.executor.messages import Cancel, Done, Message, Refused, Text, Write
from bot.executor.model_info import ModelInfo
from bot.logs import place_of
from bot.worker.loop import WorkerLoop, describe, load_engine
from model.checkpoint.discovery import bundled_checkpoints, checkpoint_names, named_checkpoint
from model.engine.engine import Engine
from model.errors import CodedError
from model.runtime import choose_runtime

log = logging.getLogger("ray.serve")

# The engine's thread sends a heartbeat every second.
SILENT_SECONDS = 30.0
# Time between attempts to reach a registry that is being restarted.
RETRY_SECONDS = 0.5

Reply = Text | Done | Refused


class UnfitError(Exception):
    """This replica cannot write as the others do; Ray Serve is to replace it."""


class Replica:
    """Serves the checkpoint that the registry orders. Every public method is called through Ray."""

    # Ray Serve awaits it.
    async def __init__(  # type: ignore[misc]
        self, registry: Any, arguments: dict[str, Any]
    ) -> None:
        """registry: the handle of a Registry. arguments: engine, device, threads and rows, see
        bot.cluster.ray.application."""
        import ray
        from ray import serve

        context = ray.get_runtime_context()
        self._actor: str = context.get_actor_id()
        self._name: str = serve.get_replica_context().replica_id.unique_id
        self._node = f"{ray.util.get_node_ip_address()}/{context.get_node_id()[:6]}"
        self._registry, self._rows = registry, arguments["rows"]
        self._loop = asyncio.get_running_loop()
        self._inboxes: dict[int, asyncio.Queue[Reply]] = {}
        self._numbers = itertools.count(1)
        self._heard = time.monotonic()
        self._loading: asyncio.Task[None] | None = None
        self._loaded: LoadOutcome | None = None
        self._beside: Engine | None = None
        self._unfit = ""

        threading.excepthook = _report
        self._runtime = choose_runtime(
            arguments["engine"], arguments["device"], arguments["threads"]
        )
        goal: Goal = await registry.goal.remote()
        engine = await asyncio.to_thread(self._engine_of, goal)
        if goal.checkpoint not in (None, engine.checkpoint.id):
            raise UnfitError(f"{goal.name} is another checkpoint here than elsewhere")
        self._note_model(goal, engine)
        self._worker = WorkerLoop(self._receive, self._runtime, engine, self._rows)
        self._thread = threading.Thread(target=self._worker.run, name="worker", daemon=True)
        self._thread.start()
        self._following = asyncio.create_task(self._follow(), name="registry")

    async def write(self, request: Write) -> AsyncIterator[list[Begun | Reply]]:
        """The replies to a request, a few at a time, after a first one that names this replica."""
        number, inbox = next(self._numbers), asyncio.Queue[Reply]()
        self._inboxes[number] = inbox
        try:
            yield [Begun(self._actor)]
            self._worker.put(replace(request, number=number))
            ended = False
            while not ended:
                replies = _waiting(await inbox.get(), inbox)
                ended = not isinstance(replies[-1], Text)
                yield [*replies]
        finally:
            del self._inboxes[number]
            self._worker.put(Cancel(number))

    async def check_health(self) -> None:
        """Raises UnfitError when Ray Serve is to replace this replica."""
        if self._unfit:
            raise UnfitError(self._unfit)
        silence = time.monotonic() - self._heard
        if not self._thread.is_alive() or silence > SILENT_SECONDS:
            raise UnfitError(f"the engine is silent for {silence:.0f} s")
        if self._following.done():
            raise UnfitError("the registry is not followed")

    def _receive(self, message: Message) -> None:
        """A message of the engine's thread, in that thread."""
        self._heard = time.monotonic()
        if isinstance(message, Reply):
            self._loop.call_soon_threadsafe(self._route, message)

    def _route(self, reply: Reply) -> None:
        inbox = self._inboxes.get(reply.number)
        if inbox is not None:  # otherwise the request was cancelled
            inbox.put_nowait(reply)

    async def _follow(self) -> None:
        """Report to the registry and follow its orders until this replica ends."""
        orders: Orders | None = None
        while True:
            try:
                orders = await self._registry.report.remote(self._report(orders))
            except Exception as error:  # noqa: BLE001 (of any kind: Ray Serve restarts the registry)
                log.warning("the registry does not answer: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._obey(orders)

    def _report(self, orders: Orders | None) -> Report:
        return Report(
            name=self._name,
            node=self._node,
            rows=self._rows,
            writing=len(self._inboxes),
            names=tuple(checkpoint_names(checkpoints_folder())),
            version=self._version,
            model=self._model,
            loaded=self._loaded,
            orders=orders,
        )

    def _obey(self, orders: Orders) -> None:
        """Load, serve or drop a checkpoint as ordered."""
        serve = orders.serve
        behind = serve.version > self._version
        wanted = serve if behind else orders.load
        if wanted is None:
            self._loaded, self._beside = None, None
        elif self._loading is None and not self._has_tried(wanted):
            self._loading = asyncio.create_task(self._load(wanted), name="load")
        elif behind and self._loading is None:
            self._swap(serve)
        if self._loading is None and not self._agrees(serve):
            self._unfit = f"{serve.name} cannot be served here, or is another checkpoint"

    def _has_tried(self, goal: Goal) -> bool:
        return self._loaded is not None and self._loaded.version == goal.version

    def _agrees(self, goal: Goal) -> bool:
        """Whether this replica serves the agreed checkpoint."""
        served = (self._version, self._model.checkpoint)
        return goal.checkpoint is None or served == (goal.version, goal.checkpoint)

    def _swap(self, goal: Goal) -> None:
        """Serve the engine that was loaded beside, if loading succeeded."""
        if self._beside is not None:
            self._worker.swap(self._beside)
            self._note_model(goal, self._beside)
            self._beside = None

    async def _load(self, goal: Goal) -> None:
        """Load a checkpoint beside the served one; texts continue meanwhile."""
        started = time.monotonic()
        failure: Failure | None = None
        self._beside = None
        try:
            self._beside = await asyncio.to_thread(self._engine_of, goal)
        except CodedError as error:
            failure = Failure.of(error)
        self._loaded = LoadOutcome(
            version=goal.version,
            checkpoint=None if self._beside is None else self._beside.checkpoint.id,
            seconds=time.monotonic() - started,
            failure=failure,
        )
        self._loading = None

    def _engine_of(self, goal: Goal) -> Engine:
        folder = named_checkpoint(goal.name, checkpoints_folder())
        return load_engine(folder, self._runtime, self._rows)

    def _note_model(self, goal: Goal, engine: Engine) -> None:
        self._version = goal.version
        self._model: ModelInfo = describe(engine, self._runtime)


def checkpoints_folder() -> Path:
    """This node's checkpoints folder: the setting of this node, or the bundled one."""
    named = os.environ.get("LITTERAGPT_CHECKPOINTS_DIR")
    return Path(named) if named else bundled_checkpoints()


def _waiting(first: Reply, inbox: asyncio.Queue[Reply]) -> list[Reply]:
    """This reply and the queued ones, their texts joined: each item of a stream costs both ends
    about half a millisecond of CPU time."""
    replies = [first]
    while not inbox.empty():
        replies.append(inbox.get_nowait())
    text = "".join(each.text for each in replies if isinstance(each, Text))
    joined: list[Reply] = [Text(first.number, text)] if text else []
    return joined + [each for each in replies[-1:] if not isinstance(each, Text)]


def _report(failure: threading.ExceptHookArgs) -> None:
    """Log where an error was raised; its text may quote a phrase."""
    log.error("failed: %s", place_of(failure.exc_value or failure.exc_type()))
