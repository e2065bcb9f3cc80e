"""Admins' orders in all processes that share the store: pause, and the checkpoint to serve.

The store has the latest orders: whether the bot is paused, and the chosen checkpoint with a mark of
its order. A process that finds a mark it does not know follows the order, even after minutes
without a database. The outcome is part of the state in `Coordinator.describe`, where the process
that gave the order reads it. A single process has no peers to wait for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.executor.executor import Executor
from bot.net.tasks import TaskSet
from bot.requests.connection import Connection
from bot.service.errors import sentence
from bot.service.service import Service
from bot.store import Store
from bot.store.coordination import Member
from bot.texts.number_ranges import write_ranges
from model.checkpoint.discovery import named_checkpoint
from model.errors import LitteraError

log = logging.getLogger(__name__)

CHOICE, PAUSED = "checkpoint", "paused"
# How long a reload waits for the other processes, and how often it looks.
FOLLOW_SECONDS, LOOK_SECONDS = 120.0, 0.5


class Peers:
    """This process among those that share its store.

    folder: of the checkpoints.
    """

    def __init__(
        self,
        service: Service,
        executor: Executor,
        store: Store,
        folder: Path,
        connections: Mapping[str, Connection],
    ) -> None:
        self._service, self._executor, self._store = service, executor, store
        self._coordinator = store.coordinator
        self._folder = folder
        self._mark = _mark_of(store)
        self._failure: str | None = None
        self._following = asyncio.Lock()
        self._tasks = TaskSet()
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._connections = connections
        service.admission.paused = bool(self._coordinator.agreed(PAUSED))
        self._coordinator.watch(self._look)
        self._coordinator.describe(self._state)

    async def pause(self, paused: bool) -> None:
        """Pause or resume all processes."""
        self._service.admission.paused = paused
        await self._coordinator.agree(PAUSED, paused)

    async def choose(self, choice: dict[str, Any]) -> tuple[str, list[Member]]:
        """Have all processes serve the checkpoint that this one serves now.

        Returns the mark of the order and the other living processes, with the outcome in their
        states, once all have followed or `FOLLOW_SECONDS` have passed.
        """
        mark = secrets.token_hex(4)
        self._mark, self._failure = mark, None
        await self._store.remember(CHOICE, choice | {"mark": mark})
        return mark, await self._followers(mark)

    async def _followers(self, mark: str) -> list[Member]:
        until = time.monotonic() + FOLLOW_SECONDS
        while self._coordinator.members:
            self._coordinator.wake()
            await asyncio.sleep(LOOK_SECONDS)
            ours = self._coordinator.identity
            others = [each for each in self._coordinator.members if each.identity != ours]
            living = [each for each in others if not each.silent]
            followed = all(each.state.get("mark") == mark for each in living)
            if followed or self._store.failing or time.monotonic() > until:
                return living
        return []

    def _look(self) -> None:
        """Follow a change of the store."""
        paused = bool(self._coordinator.agreed(PAUSED))
        if paused != self._service.admission.paused:
            log.info("%s by another process", "paused" if paused else "resumed")
            self._service.admission.paused = paused
        if _mark_of(self._store) != self._mark:
            self._tasks.start(self._follow(), "follow")

    async def _follow(self) -> None:
        async with self._following:
            mark = _mark_of(self._store)
            if mark == self._mark:
                return
            name, failure = str(self._store.recall(CHOICE).get("name")), None
            try:
                # The replicas of a Ray cluster have loaded it for the bot that gave the order.
                if self._executor.pool.replicas is None:
                    await self._executor.reload(named_checkpoint(name, self._folder))
                log.info("serving %s, as another process does", name)
            except LitteraError as error:
                failure = sentence(error)
                log.error("%s, which another process serves, cannot be served here", name)
            self._mark, self._failure = mark, failure
        self._coordinator.wake()

    def _state(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "platforms": dict(_platform(*each) for each in self._connections.items()),
            "paused": self._service.admission.paused,
            "running": self._service.running,
            "waiting": self._service.waiting,
            "checkpoint": self._executor.serving.label,
            "mark": self._mark,
            "failure": self._failure,
        }


def _platform(name: str, connection: Connection) -> tuple[str, str]:
    """A platform's name, with this process's shards, and the state of its connection."""
    if connection.several:
        name = f"{name} {write_ranges(connection.lines)}/{connection.total}"
    return name, connection.state


def _mark_of(store: Store) -> str | None:
    choice = store.recall(CHOICE)
    return choice.get("mark") if isinstance(choice, dict) else None
