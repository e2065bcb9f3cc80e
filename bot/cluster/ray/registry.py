"""Agreement on one checkpoint among all replicas: two-phase commit.

Replicas report to the registry several times a second and receive orders. A reload has two phases:
every replica loads the checkpoint beside the one it serves and writes a probe text; when all have,
all are ordered to serve it, and when one cannot, all drop it. The registry stores nothing: Ray
Serve restarts a lost one, which learns from the reports that the highest version is the last that
was agreed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from bot.cluster.ray.reports import Goal, LoadOutcome, Orders, Report, Status
from bot.executor.errors import Failure
from bot.executor.messages import Loaded, NotLoaded, Replicas, Unavailable
from bot.executor.model_info import ReplicaInfo, ReplicaReload
from model.errors import CheckpointError

# A report is answered as soon as the orders change, or after this long.
POLL_SECONDS = 0.5
# A replica without a report for this long is taken for dead.
LEASE_SECONDS = 5.0
# Time for all replicas to load a checkpoint, and to start serving it.
LOAD_SECONDS, SERVE_SECONDS = 300.0, 10.0
# A new registry first waits for reports of the replicas that run already.
HEAR_SECONDS = 4 * POLL_SECONDS


@dataclass
class Member:
    """A replica: its last report and when that arrived."""

    report: Report
    heard: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        """Whether its lease holds."""
        return time.monotonic() - self.heard < LEASE_SECONDS

    def outcome(self, version: int) -> LoadOutcome | None:
        """The outcome of loading this version, None before it is known."""
        loaded = self.report.loaded
        return loaded if loaded is not None and loaded.version == version else None


class Registry:
    """The only one in its cluster. Every public method is called through Ray."""

    def __init__(self, checkpoint: str) -> None:
        """checkpoint: name of the first one to serve."""
        self._goal = Goal(0, checkpoint)
        self._next: Goal | None = None
        self._members: dict[str, Member] = {}
        self._rolling = asyncio.Lock()
        self._changed = asyncio.Event()
        self._began = time.monotonic()

    async def goal(self) -> Goal:
        """The goal that a new replica serves."""
        await self._hear()
        return self._goal

    async def report(self, report: Report) -> Orders:
        """Note a replica's report; its orders, once they differ from those it knows."""
        self._members[report.name] = Member(report)
        goal = report.goal
        newer = goal.version > self._goal.version
        if newer or (self._goal.checkpoint is None and goal.version == self._goal.version):
            self._goal = goal
        self._announce()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                while self._orders() == report.orders:
                    await self._changed.wait()
        return self._orders()

    async def status(self) -> Status:
        """The replicas and the model they agreed on."""
        alive = [each.report for each in self._alive()]
        agreed = [each.model for each in alive if each.version == self._goal.version]
        names = set[str]().union(*(each.names for each in alive))
        replicas = [
            ReplicaInfo(
                name=each.name,
                node=each.node,
                checkpoint=each.model.checkpoint,
                device=each.model.device,
                rows=each.rows,
                writing=each.writing,
            )
            for each in sorted(alive, key=_place)
        ]
        model = agreed[0] if agreed else None
        return Status(self._goal.version, Replicas(model, tuple(sorted(names)), tuple(replicas)))

    async def roll(self, number: int, name: str) -> Loaded | NotLoaded | Unavailable:
        """Have all replicas serve a checkpoint, or none; the reply to the bot's Load."""
        async with self._rolling:
            await self._hear()
            started = time.monotonic()
            goal = Goal(self._goal.version + 1, name)
            self._next = goal
            self._announce()
            took_part = set[str]()
            try:
                failure = await self._prepare(goal, took_part)
                if failure is None and (outcomes := self._outcomes(goal)):
                    self._goal = replace(goal, checkpoint=outcomes[0][1].checkpoint)
            finally:
                self._next = None
                self._announce()
            replicas = self._reloads(goal, took_part)
            if not self._alive():
                return Unavailable(number)
            if failure is not None:
                return NotLoaded(number, failure, replicas)
            await self._until(self._all_serve, SERVE_SECONDS)
            model = (await self.status()).replicas.model
            if model is None:
                return Unavailable(number)
            return Loaded(number, time.monotonic() - started, model, replicas)

    async def _hear(self) -> None:
        """Give running replicas the time to report to a new registry."""
        await asyncio.sleep(max(0.0, self._began + HEAR_SECONDS - time.monotonic()))

    async def _prepare(self, goal: Goal, took_part: set[str]) -> Failure | None:
        """Wait until every replica has loaded a checkpoint beside the one it serves; the failure
        of one that cannot."""

        def decided() -> bool:
            alive = self._alive()
            took_part.update(each.report.name for each in alive)
            outcomes = [each.outcome(goal.version) for each in alive]
            return all(outcomes) or any(each and each.failure for each in outcomes)

        if not await self._until(decided, LOAD_SECONDS):
            slow = CheckpointError("unreadable", file=goal.name, reason="timeout")
            return Failure.of(slow)
        outcomes = self._outcomes(goal)
        for _, outcome in outcomes:
            if outcome.failure is not None:
                return outcome.failure
        if len({outcome.checkpoint for _, outcome in outcomes}) > 1:
            found = ", ".join(f"{node}: {outcome.checkpoint}" for node, outcome in outcomes)
            return Failure.of(CheckpointError("differs", name=goal.name, found=found))
        return None

    def _outcomes(self, goal: Goal) -> list[tuple[str, LoadOutcome]]:
        """The known outcomes of loading a checkpoint, each with its node."""
        return [
            (each.report.node, outcome)
            for each in self._alive()
            if (outcome := each.outcome(goal.version)) is not None
        ]

    def _reloads(self, goal: Goal, names: Iterable[str]) -> tuple[ReplicaReload, ...]:
        """The part of each of these replicas in a reload."""
        reloads = []
        for name in names:
            member = self._members[name]
            outcome = member.outcome(goal.version)
            seconds = None if outcome is None else outcome.seconds
            failure = None if outcome is None else outcome.failure
            reloads.append(ReplicaReload(name, member.report.node, seconds, failure))
        return tuple(sorted(reloads, key=_place))

    def _all_serve(self) -> bool:
        return all(each.report.version == self._goal.version for each in self._alive())

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a report, or an expired lease, fulfils a condition; False after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_SECONDS)
        return True

    def _orders(self) -> Orders:
        return Orders(self._goal, self._next)

    def _announce(self) -> None:
        """Wake all reports that wait for new orders."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _alive(self) -> list[Member]:
        return [each for each in self._members.values() if each.alive]


def _place(replica: Report | ReplicaReload) -> tuple[str, str]:
    """The order in which replicas are listed."""
    return replica.node, replica.name
