"""Which checkpoint all replicas write with: agreed on by all of them, or not changed at all.

Replicas report to the registry several times a second and are told what is wanted. A reload has
two phases: every replica loads the checkpoint beside the one it serves and sees it write; when all
have, all are told to serve it, and when one cannot, all are told to forget it. Nobody is asked to
remember anything: a registry that is lost is started again by Ray Serve and learns from the
reports, whose highest version is the last that was agreed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bot.executor.messages import Message, error_message
from model.errors import CheckpointError

# A report is answered when something is new, and otherwise after this long.
POLL_SECONDS = 0.5
# Who has not reported for this long is not counted on.
LEASE_SECONDS = 5.0
# How long replicas may take to load a checkpoint, and to begin to serve it.
LOAD_SECONDS, SERVE_SECONDS = 300.0, 10.0
# A new registry first hears what those say that write already.
HEAR_SECONDS = 4 * POLL_SECONDS


@dataclass(frozen=True)
class Goal:
    """A checkpoint to be served, by its name in the folder of every node. Versions count what was
    agreed on; 0 is what the cluster was started with. checkpoint: its id, so that nobody serves
    another one of this name; None until somebody has said it."""

    version: int
    asked: str
    checkpoint: str | None = None


@dataclass
class Member:
    """A replica: what it said last, and when."""

    report: Message
    heard: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        """Whether it is counted on."""
        return time.monotonic() - self.heard < LEASE_SECONDS

    def outcome(self, version: int) -> Message | None:
        """What came of loading this version, None when nothing has yet."""
        loaded: Message | None = self.report["loaded"]
        return loaded if loaded is not None and loaded["version"] == version else None


class Registry:
    """One of these is in a cluster; every method is called through Ray."""

    def __init__(self, checkpoint: str) -> None:
        self._goal = Goal(0, checkpoint)
        self._next: Goal | None = None
        self._members: dict[str, Member] = {}
        self._rolling = asyncio.Lock()
        self._changed = asyncio.Event()
        self._began = time.monotonic()

    async def goal(self) -> Message:
        """What a replica that begins is to serve."""
        await self._hear()
        return _wire(self._goal)

    async def report(self, report: Message) -> Message:
        """A replica says how it is; what is wanted of it, as soon as that is not what it knows."""
        self._members[report["name"]] = Member(report)
        serving = report["serving"]
        serves = Goal(report["version"], serving["asked"], serving["checkpoint"])
        news = serves.version > self._goal.version
        if news or (self._goal.checkpoint is None and serves.version == self._goal.version):
            self._goal = serves
        self._announce()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                while self._orders() == report["knows"]:
                    await self._changed.wait()
        return self._orders()

    async def status(self) -> Message:
        """Who writes and with what, as in a message `replicas`."""
        alive = self._alive()
        names = set[str]().union(*(each.report["names"] for each in alive))
        agreed = [each.report for each in alive if each.report["version"] == self._goal.version]
        return {
            "is": "replicas",
            "version": self._goal.version,
            "serving": agreed[0]["serving"] if agreed else None,
            "names": sorted(names),
            "replicas": [
                {
                    "name": report["name"],
                    "node": report["node"],
                    "checkpoint": report["serving"]["checkpoint"],
                    "device": report["serving"]["device"],
                    "rows": report["rows"],
                    "writing": report["writing"],
                }
                for report in sorted((each.report for each in alive), key=_order)
            ],
        }

    async def roll(self, asked: str) -> Message:
        """Have all replicas serve a checkpoint, or none; a message `loaded`, `not_loaded` or
        `unavailable`."""
        async with self._rolling:
            await self._hear()
            started = time.monotonic()
            goal = Goal(self._goal.version + 1, asked)
            self._next = goal
            self._announce()
            took_part = set[str]()
            try:
                error = await self._prepare(goal, took_part)
                if error is None and (outcomes := self._outcomes(goal)):
                    self._goal = replace(goal, checkpoint=outcomes[0][1]["checkpoint"])
            finally:
                self._next = None
                self._announce()
            replicas = self._told(goal, took_part)
            if not self._alive():
                return {"is": "unavailable"}
            if error is not None:
                return {"is": "not_loaded", "error": error, "replicas": replicas}
            await self._until(self._all_serve, SERVE_SECONDS)
            serving = (await self.status())["serving"]
            if serving is None:
                return {"is": "unavailable"}
            seconds = time.monotonic() - started
            return {"is": "loaded", "seconds": seconds, "replicas": replicas, **serving}

    async def _hear(self) -> None:
        """Let those who write already say so to a new registry."""
        await asyncio.sleep(max(0.0, self._began + HEAR_SECONDS - time.monotonic()))

    async def _prepare(self, goal: Goal, took_part: set[str]) -> Message | None:
        """Wait until every replica has loaded a checkpoint beside the one it serves; the error of
        one that cannot."""

        def decided() -> bool:
            alive = self._alive()
            took_part.update(each.report["name"] for each in alive)
            outcomes = [each.outcome(goal.version) for each in alive]
            return all(outcomes) or any(each and each["error"] for each in outcomes)

        if not await self._until(decided, LOAD_SECONDS):
            slow = CheckpointError("unreadable", file=goal.asked, reason="timeout")
            return error_message(slow)
        outcomes = self._outcomes(goal)
        for _, outcome in outcomes:
            if outcome["error"] is not None:
                found: Message = outcome["error"]
                return found
        if len({outcome["checkpoint"] for _, outcome in outcomes}) > 1:
            each_node = ", ".join(f"{node}: {outcome['checkpoint']}" for node, outcome in outcomes)
            return error_message(CheckpointError("differs", name=goal.asked, found=each_node))
        return None

    def _outcomes(self, goal: Goal) -> list[tuple[str, Message]]:
        """What came of loading a checkpoint, by node."""
        return [
            (each.report["node"], outcome)
            for each in self._alive()
            if (outcome := each.outcome(goal.version)) is not None
        ]

    def _told(self, goal: Goal, names: Iterable[str]) -> list[Message]:
        """What each of these replicas made of a reload."""
        told = []
        for name in names:
            member = self._members[name]
            outcome = member.outcome(goal.version) or {"seconds": None, "error": None}
            told.append(
                {
                    "name": name,
                    "node": member.report["node"],
                    "seconds": outcome["seconds"],
                    "error": outcome["error"],
                }
            )
        return sorted(told, key=_order)

    def _all_serve(self) -> bool:
        return all(each.report["version"] == self._goal.version for each in self._alive())

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition that a report, or the silence of a replica, may bring about."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_SECONDS)
        return True

    def _orders(self) -> Message:
        return {"serve": _wire(self._goal), "load": self._next and _wire(self._next)}

    def _announce(self) -> None:
        """Wake all who wait for something new."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _alive(self) -> list[Member]:
        return [each for each in self._members.values() if each.alive]


def _wire(goal: Goal) -> Message:
    return asdict(goal)


def _order(told: Message) -> tuple[Any, Any]:
    return told["node"], told["name"]
