"""One of those who write in a cluster: what the worker does, behind Ray Serve.

The engine runs in a thread of its own (`bot.worker.loop`), with continuous batching; requests are
streams of messages (see `bot.executor.messages`) that the bridge passes on to the bot.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.executor.messages import Message, error_message
from bot.logs import place_of
from bot.worker.loop import Writer, describe, load_engine
from model.checkpoint.discovery import bundled_checkpoints, checkpoint_names, named_checkpoint
from model.engine.engine import Engine
from model.errors import CodedError
from model.runtime import choose_runtime

log = logging.getLogger("ray.serve")

# The engine's thread says every second that it lives.
SILENT_SECONDS = 30.0
# The registry is being started again: how soon it is looked for.
RETRY_SECONDS = 0.5
_ENDINGS = ("done", "refused")


class UnfitError(Exception):
    """This replica cannot write as all others do; Ray Serve is to replace it."""


class Replica:
    """Writes with the checkpoint that the registry wants. Every method is called through Ray."""

    # Ray Serve awaits it.
    async def __init__(  # type: ignore[misc]
        self, registry: Any, arguments: Message
    ) -> None:
        """registry: the handle of a Registry; arguments: see bot.cluster.ray.application."""
        import ray
        from ray import serve

        context = ray.get_runtime_context()
        self._actor = context.get_actor_id()
        self._name = serve.get_replica_context().replica_id.unique_id
        self._node = f"{ray.util.get_node_ip_address()}/{context.get_node_id()[:6]}"
        self._registry, self._rows = registry, arguments["rows"]
        self._loop = asyncio.get_running_loop()
        self._inboxes: dict[int, asyncio.Queue[Message]] = {}
        self._numbers = itertools.count(1)
        self._heard = time.monotonic()
        self._loading: asyncio.Task[None] | None = None
        self._loaded: Message | None = None  # what came of it
        self._beside: Engine | None = None
        self._unfit = ""

        threading.excepthook = _tell
        self._runtime = choose_runtime(
            arguments["engine"], arguments["device"], arguments["threads"]
        )
        goal = await registry.goal.remote()
        engine = await asyncio.to_thread(self._engine_of, goal["asked"])
        if goal["checkpoint"] not in (None, engine.checkpoint.id):
            raise UnfitError(f"{goal['asked']} is another checkpoint here than elsewhere")
        self._note_serving(goal, engine)
        self._writer = Writer(self._hear, self._runtime, engine, self._rows)
        self._thread = threading.Thread(target=self._writer.run, name="writer", daemon=True)
        self._thread.start()
        self._following = asyncio.create_task(self._follow(), name="registry")

    async def write(self, request: Message) -> AsyncIterator[list[Message]]:
        """The messages that answer a `write`, a few at a time; a first one names this replica."""
        number, inbox = next(self._numbers), asyncio.Queue[Message]()
        self._inboxes[number] = inbox
        try:
            yield [{"is": "begun", "replica": self._actor}]
            self._writer.put(request | {"id": number})
            ended = False
            while not ended:
                messages = _waiting(await inbox.get(), inbox)
                ended = messages[-1]["is"] in _ENDINGS
                yield messages
        finally:
            del self._inboxes[number]
            self._writer.put({"do": "cancel", "id": number})

    async def check_health(self) -> None:
        """Raises UnfitError when Ray Serve is to replace this replica."""
        if self._unfit:
            raise UnfitError(self._unfit)
        silence = time.monotonic() - self._heard
        if not self._thread.is_alive() or silence > SILENT_SECONDS:
            raise UnfitError(f"the engine is silent for {silence:.0f} s")
        if self._following.done():
            raise UnfitError("the registry is not followed")

    def _hear(self, message: Message) -> None:
        """What the engine's thread says."""
        self._heard = time.monotonic()
        if "id" in message:
            self._loop.call_soon_threadsafe(self._route, message)

    def _route(self, message: Message) -> None:
        inbox = self._inboxes.get(message["id"])
        if inbox is not None:  # otherwise nobody waits for it any more
            inbox.put_nowait(message)

    async def _follow(self) -> None:
        """Report to the registry and do as it says, for as long as this replica lives."""
        orders: Message | None = None
        while True:
            try:
                orders = await self._registry.report.remote(self._report(orders))
            except Exception as error:  # noqa: BLE001 (whatever it is, the registry will be back)
                log.warning("the registry does not answer: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._obey(orders)

    def _report(self, orders: Message | None) -> Message:
        return {
            "name": self._name,
            "node": self._node,
            "rows": self._rows,
            "writing": len(self._inboxes),
            "names": checkpoint_names(checkpoints_folder()),
            "version": self._version,
            "serving": self._serving,
            "loaded": self._loaded,
            "knows": orders,
        }

    def _obey(self, orders: Message) -> None:
        """Load what is to be loaded, serve what is to be served, forget what is not wanted."""
        serve, load = orders["serve"], orders["load"]
        behind = serve["version"] > self._version
        wanted = serve if behind else load
        if wanted is None:
            self._loaded, self._beside = None, None
        elif self._loading is None and not self._has_tried(wanted):
            self._loading = asyncio.create_task(self._load(wanted), name="load")
        elif behind and self._loading is None:
            self._swap(serve)
        if self._loading is None and not self._agrees(orders["serve"]):
            self._unfit = f"{serve['asked']} cannot be served here, or is another checkpoint"

    def _has_tried(self, goal: Message) -> bool:
        return self._loaded is not None and self._loaded["version"] == goal["version"]

    def _agrees(self, goal: Message) -> bool:
        """Whether what is served is what all serve."""
        served = (self._version, self._serving["checkpoint"])
        return goal["checkpoint"] is None or served == (goal["version"], goal["checkpoint"])

    def _swap(self, goal: Message) -> None:
        """Serve what was loaded beside, if it was."""
        if self._beside is not None:
            self._writer.swap(self._beside)
            self._note_serving(goal, self._beside)
            self._beside = None

    async def _load(self, goal: Message) -> None:
        """Load a checkpoint beside the one that is served; texts under way go on meanwhile."""
        started = time.monotonic()
        error: Message | None = None
        self._beside = None
        try:
            self._beside = await asyncio.to_thread(self._engine_of, goal["asked"])
        except CodedError as unusable:
            error = error_message(unusable)
        self._loaded = {
            "version": goal["version"],
            "checkpoint": None if self._beside is None else self._beside.checkpoint.id,
            "seconds": time.monotonic() - started,
            "error": error,
        }
        self._loading = None

    def _engine_of(self, asked: str) -> Engine:
        folder = named_checkpoint(asked, checkpoints_folder())
        return load_engine(folder, self._runtime, self._rows)

    def _note_serving(self, goal: Message, engine: Engine) -> None:
        self._version: int = goal["version"]
        self._serving: Message = {
            "asked": goal["asked"],
            **asdict(self._runtime),
            **describe(engine),
        }


def checkpoints_folder() -> Path:
    """This node's folder of checkpoints: what the setting says here, or the bundled one."""
    named = os.environ.get("LITTERAGPT_CHECKPOINTS_DIR")
    return Path(named) if named else bundled_checkpoints()


def _waiting(first: Message, inbox: asyncio.Queue[Message]) -> list[Message]:
    """This message and those behind it, with texts in one piece: each piece that travels costs the
    processor of both ends about half a millisecond."""
    messages = [first]
    while not inbox.empty():
        messages.append(inbox.get_nowait())
    text = "".join(each["text"] for each in messages if each["is"] == "text")
    ending = [each for each in messages[-1:] if each["is"] in _ENDINGS]
    return [{"is": "text", "text": text}, *ending] if text else ending


def _tell(failure: threading.ExceptHookArgs) -> None:
    """Say in the log what went wrong and where; its text may hold somebody's phrase."""
    log.error("failed: %s", place_of(failure.exc_value or failure.exc_type()))
