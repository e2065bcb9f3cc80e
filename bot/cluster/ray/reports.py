"""What the replicas, the registry and the bridge send each other through Ray."""

from __future__ import annotations

from dataclasses import dataclass

from bot.executor.errors import Failure
from bot.executor.messages import Replicas
from bot.executor.model_info import ModelInfo


@dataclass(frozen=True, slots=True)
class Goal:
    """A checkpoint to serve.

    version: counts the agreed goals; 0 is the one the cluster was started with.
    name: of a folder in every node's checkpoints folder.
    checkpoint: its id, so that all replicas serve the same one; None until a replica reported it.
    """

    version: int
    name: str
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """The outcome of loading a goal's checkpoint: its id, or the reason why it cannot be used."""

    version: int
    checkpoint: str | None
    seconds: float
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Orders:
    """From the registry to a replica. load: the goal to load beside the served one, if any."""

    serve: Goal
    load: Goal | None


@dataclass(frozen=True, slots=True)
class Report:
    """From a replica to the registry.

    rows: texts it writes at a time. writing: texts it has now. names: checkpoints of its node.
    version, model: the goal it serves. loaded: the outcome of its last load, until that is served
    or dropped. orders: the last ones it received.
    """

    name: str
    node: str
    rows: int
    writing: int
    names: tuple[str, ...]
    version: int
    model: ModelInfo
    loaded: LoadOutcome | None
    orders: Orders | None

    @property
    def goal(self) -> Goal:
        """The goal that the replica serves."""
        return Goal(self.version, self.model.path.name, self.model.checkpoint)


@dataclass(frozen=True, slots=True)
class Status:
    """From the registry to a bridge. version: of the goal."""

    version: int
    replicas: Replicas


@dataclass(frozen=True, slots=True)
class Begun:
    """From a replica to a bridge, before the replies to a request. replica: its Ray actor id."""

    replica: str
