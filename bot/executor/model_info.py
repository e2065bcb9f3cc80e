"""Who writes: a checkpoint on a device, by itself or on every replica of a cluster, and reloads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.executor.messages import Message, error_of
from model.errors import CodedError, LitteraError


@dataclass(frozen=True)
class Serving:
    """The checkpoint that new requests are written with, and where; candidates: from how many a
    sentence may be chosen while nobody else waits."""

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

    @classmethod
    def of(cls, path: Path, message: Message) -> Serving:
        """From what a worker says of itself."""
        return cls(
            path=path,
            name=message["name"],
            checkpoint=message["checkpoint"],
            parameters=message["parameters"],
            loss=message["loss"],
            styles=tuple(message["styles"]),
            device=message["device"],
            threads=message["threads"],
            engine=message["engine"],
            candidates=message["candidates"],
        )


@dataclass(frozen=True)
class Replica:
    """One that writes, of several. rows: how many texts at a time; writing: how many it has now,
    of all bots."""

    name: str
    node: str
    checkpoint: str
    device: str
    rows: int
    writing: int


@dataclass(frozen=True)
class ReplicaReload:
    """What a replica made of a reload: it loaded the checkpoint in so many seconds, or it could
    not, or neither, because it was gone before it said."""

    name: str
    node: str
    seconds: float | None
    error: CodedError | None

    @classmethod
    def of(cls, message: Message) -> ReplicaReload:
        """From an entry of a `loaded` or `not_loaded`."""
        error = message["error"]
        return cls(
            name=message["name"],
            node=message["node"],
            seconds=message["seconds"],
            error=None if error is None else error_of(error),
        )


@dataclass(frozen=True)
class Reloaded:
    """A reload that succeeded; with replicas, on each of these."""

    old: Serving
    new: Serving
    seconds: float
    replicas: tuple[ReplicaReload, ...] = ()


class RolledBackError(LitteraError):
    """A replica could not load a checkpoint, so that none serves it."""

    def __init__(self, cause: CodedError, replicas: tuple[ReplicaReload, ...]) -> None:
        self.cause, self.replicas = cause, replicas
        super().__init__(str(cause))
