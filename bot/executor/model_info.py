"""What a worker reports: its model, the replicas of its cluster, the outcome of a reload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.executor.errors import Failure
from model.errors import CodedError, LitteraError


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The checkpoint of new requests, and the device that runs it.

    path: folder of the checkpoint; in a cluster, its place in the bot's own checkpoints folder.
    checkpoint: the checkpoint's id. loss: nats per character, None when not recorded.
    engine: the one in use. threads: of the CPU.
    candidates: how many candidates per sentence the device affords to a request that is alone.
    """

    path: Path
    name: str
    checkpoint: str
    parameters: int
    loss: float | None
    styles: tuple[str, ...]
    device: str
    threads: int
    engine: str
    candidates: int

    @property
    def label(self) -> str:
        """Name and id of the checkpoint."""
        return f"{self.name} ({self.checkpoint})"


@dataclass(frozen=True, slots=True)
class ReplicaInfo:
    """A replica of a cluster.

    node: IP address and id of its Ray node. checkpoint: id of the one it serves.
    rows: texts it writes at a time. writing: texts it has now, from all bots.
    """

    name: str
    node: str
    checkpoint: str
    device: str
    rows: int
    writing: int


@dataclass(frozen=True, slots=True)
class ReplicaReload:
    """A replica's part in a reload.

    seconds: time it took to load, None if it did not report. failure: why it could not.
    """

    name: str
    node: str
    seconds: float | None
    failure: Failure | None

    @property
    def error(self) -> CodedError | None:
        """The failure as an exception."""
        return None if self.failure is None else self.failure.exception()


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A reload that succeeded. replicas: those that took part, none outside a cluster."""

    old: ModelInfo
    new: ModelInfo
    seconds: float
    replicas: tuple[ReplicaReload, ...] = ()


class RolledBackError(LitteraError):
    """At least one replica could not load a checkpoint, so that all keep the old one."""

    def __init__(self, cause: CodedError, replicas: tuple[ReplicaReload, ...]) -> None:
        self.cause, self.replicas = cause, replicas
        super().__init__(str(cause))
