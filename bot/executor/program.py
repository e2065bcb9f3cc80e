"""The worker program that an executor starts, and the pool of engines behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.executor.messages import Replicas
from bot.executor.model_info import ReplicaInfo
from model.checkpoint.discovery import checkpoint_names, named_checkpoint
from model.text.prompt import PHRASE_LIMIT


class Pool(Protocol):
    """The engines behind a worker process, and the checkpoints they can load."""

    @property
    def replicas(self) -> tuple[ReplicaInfo, ...] | None:
        """The replicas of a cluster; None when the worker has the only engine."""

    @property
    def size(self) -> int:
        """Engines that share the requests, at least 1."""

    @property
    def slots(self) -> int:
        """Texts that all replicas write at a time; 0 when the settings say it."""

    @property
    def available(self) -> bool:
        """Whether at least one engine can write while the worker lives."""

    def update(self, state: Replicas) -> None:
        """Note the state that the worker reports."""

    def clear(self) -> None:
        """The worker died."""

    def checkpoint_names(self, folder: Path) -> list[str]:
        """Checkpoints that can be loaded. folder: the bot's own checkpoints folder."""

    def named_checkpoint(self, name: str, folder: Path) -> Path:
        """The path to reload for this name. Raises CheckpointError."""


class WorkerProgram(Protocol):
    """A program that can be the executor's worker."""

    @property
    def checkpoint(self) -> Path:
        """The first checkpoint to serve."""

    @property
    def queue_limit(self) -> int:
        """Unfinished requests, at most."""

    @property
    def phrase_limit(self) -> int:
        """Characters of a phrase, at most."""

    def command(self, checkpoint: Path) -> Sequence[str]:
        """Arguments of the Python interpreter for a worker that serves this checkpoint."""

    def pool(self) -> Pool:
        """A new view of the worker's engines."""


class LocalPool:
    """The worker's own engine, the only one; see Pool."""

    replicas = None
    size = 1
    slots = 0
    available = True

    def update(self, state: Replicas) -> None:
        """See Pool; a local worker sends no such message."""

    def clear(self) -> None:
        """See Pool; the next worker has an engine of its own."""

    def checkpoint_names(self, folder: Path) -> list[str]:
        """See Pool."""
        return checkpoint_names(folder)

    def named_checkpoint(self, name: str, folder: Path) -> Path:
        """See Pool."""
        return named_checkpoint(name, folder)


@dataclass(frozen=True)
class WorkerOptions:
    """A worker on this machine. The fields are settings, see bot.settings.settings."""

    checkpoint: Path
    device: str = "auto"
    engine: str = "auto"
    threads: int = 0
    max_batch: int = 64
    queue_limit: int = 64
    phrase_limit: int = PHRASE_LIMIT

    def command(self, checkpoint: Path) -> Sequence[str]:
        """See WorkerProgram."""
        settings = (checkpoint, self.engine, self.device, self.threads, self.max_batch)
        return ["-m", "bot.worker", *map(str, settings)]

    def pool(self) -> Pool:
        """See WorkerProgram."""
        return LocalPool()
