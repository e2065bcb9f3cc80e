"""The replicas of a cluster, as its bridge reports them."""

from __future__ import annotations

from pathlib import Path

from bot.executor.messages import Replicas
from bot.executor.model_info import ReplicaInfo
from model.errors import CheckpointError


class ReplicaPool:
    """See bot.executor.program.Pool."""

    def __init__(self) -> None:
        self._replicas: tuple[ReplicaInfo, ...] = ()
        self._names: tuple[str, ...] = ()

    @property
    def replicas(self) -> tuple[ReplicaInfo, ...]:
        """See Pool."""
        return self._replicas

    @property
    def size(self) -> int:
        """See Pool."""
        return max(1, len(self._replicas))

    @property
    def slots(self) -> int:
        """See Pool."""
        return sum(each.rows for each in self._replicas)

    @property
    def available(self) -> bool:
        """See Pool."""
        return bool(self._replicas)

    def update(self, state: Replicas) -> None:
        """See Pool."""
        self._replicas, self._names = state.replicas, state.names

    def clear(self) -> None:
        """See Pool."""
        self._replicas = ()

    def checkpoint_names(self, folder: Path) -> list[str]:
        """Checkpoints in the folder of at least one replica."""
        return list(self._names)

    def named_checkpoint(self, name: str, folder: Path) -> Path:
        """See Pool; only the name of the path reaches the replicas."""
        if name not in self._names:
            known = ", ".join(self._names) or "-"
            raise CheckpointError("unknown", name=name, folder=str(folder), known=known)
        return folder / name
