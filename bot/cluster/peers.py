"""What admins say in one process, done in all that share the store.

What was said last stands in the store: whether the bot is paused, and the chosen checkpoint with a
mark of the order that chose it. A process that finds another mark there than it knows follows, be
it told at once or after minutes without a database. What came of it stands beside its lease, where
whoever gave the order finds it.
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

from bot.admin.reports import label
from bot.executor.executor import Executor
from bot.monitoring.health import word_of
from bot.requests.platform import Connection
from bot.service.errors import sentence
from bot.service.service import Service
from bot.store import Store
from bot.store.coordination import Member
from bot.texts.number_ranges import write_ranges
from model.checkpoint.discovery import named_checkpoint
from model.errors import LitteraError

log = logging.getLogger(__name__)

CHOICE, PAUSED = "checkpoint", "paused"
# How long whoever ordered a reload waits for the others, and how often they are looked at.
FOLLOW_SECONDS, LOOK_SECONDS = 120.0, 0.5


class Fleet:
    """This process among those that share its store."""

    def __init__(
        self,
        service: Service,
        executor: Executor,
        store: Store,
        folder: Path,
        connections: Mapping[str, Connection],
    ) -> None:
        self._service, self._executor, self._store = service, executor, store
        self._folder = folder
        self._mark = _mark_of(store)
        self._failure: str | None = None
        self._following = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._connections = connections
        store.describe(self._state)
        if store.shared:
            service.paused = bool(store.recall(PAUSED))
            store.watch(self._look)

    @property
    def members(self) -> list[Member]:
        """All processes, those that have gone silent lately too; none where nothing is shared."""
        return self._store.members

    async def pause(self, paused: bool) -> None:
        """Have all processes refuse requests, or take them again."""
        self._service.paused = paused
        if self._store.shared:
            await self._store.remember(PAUSED, paused)

    async def chose(self, choice: dict[str, Any]) -> tuple[str | None, list[Member]]:
        """Have all processes serve what this one serves now. The mark of this order, and the others
        that live, once all have it, with what came of it, or have had the time for it."""
        if not self._store.shared:
            await self._store.remember(CHOICE, choice)
            return None, []
        mark = secrets.token_hex(4)
        self._mark, self._failure = mark, None
        await self._store.remember(CHOICE, choice | {"mark": mark})
        return mark, await self._followers(mark)

    async def _followers(self, mark: str) -> list[Member]:
        until = time.monotonic() + FOLLOW_SECONDS
        while True:
            self._store.hurry()
            await asyncio.sleep(LOOK_SECONDS)
            others = [each for each in self.members if each.identity != self._store.identity]
            living = [each for each in others if not each.silent]
            followed = all(each.state.get("mark") == mark for each in living)
            if followed or self._store.failing or time.monotonic() > until:
                return living

    def _look(self) -> None:
        """The store has changed: follow."""
        paused = bool(self._store.recall(PAUSED))
        if paused != self._service.paused:
            log.info("%s by another process", "paused" if paused else "resumed")
            self._service.paused = paused
        if _mark_of(self._store) != self._mark:
            task = asyncio.create_task(self._follow(), name="follow")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        async with self._following:
            mark = _mark_of(self._store)
            if mark == self._mark:
                return
            name, failure = str(self._store.recall(CHOICE).get("name")), None
            try:
                # A cluster has loaded it for everybody when its first bot was told to.
                if self._executor.pool.replicas is None:
                    await self._executor.reload(named_checkpoint(name, self._folder))
                log.info("serving %s, as another process does", name)
            except LitteraError as error:
                failure = sentence(error)
                log.error("%s, which another process serves, cannot be served here", name)
            self._mark, self._failure = mark, failure
        self._store.hurry()

    def _state(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "platforms": dict(_platform(*each) for each in self._connections.items()),
            "paused": self._service.paused,
            "running": self._service.running,
            "waiting": self._service.waiting,
            "checkpoint": label(self._executor.serving),
            "mark": self._mark,
            "failure": self._failure,
        }


def _platform(name: str, connection: Connection) -> tuple[str, str]:
    """What a platform is called here, with the lines of it that are this process's, and how it
    stands with it."""
    if connection.several:
        name = f"{name} {write_ranges(connection.lines)}/{connection.total}"
    return name, word_of(connection)


def _mark_of(store: Store) -> str | None:
    choice = store.recall(CHOICE)
    return choice.get("mark") if isinstance(choice, dict) else None
