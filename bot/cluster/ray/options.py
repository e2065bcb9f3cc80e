"""The cluster as a worker program, for the bot's process, which never imports Ray."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from bot.cluster.ray.pool import ReplicaPool
from bot.executor.program import Pool
from bot.settings.settings import Settings
from model.errors import CodedError
from model.text.prompt import PHRASE_LIMIT

# The head's default port.
PORT = 6379


class ClusterError(CodedError):
    """The cluster cannot be reached, or no replica of ours runs there."""

    TEXTS: ClassVar[dict[str, str]] = {
        "cluster_away": "no Ray cluster answers at {address}",
        "cluster_refused": "the Ray cluster at {address} cannot be joined ({reason})",
        "cluster_empty": "the Ray cluster at {address} runs no LitteraGPT",
        "cluster_idle": "no replica of LitteraGPT writes in the Ray cluster at {address}",
    }


@dataclass(frozen=True)
class ClusterOptions:
    """A worker that stands for a cluster; see bot.executor.program.WorkerProgram.

    checkpoint: path in the bot's checkpoints folder; only its name matters, replicas have folders
    of their own. chosen: an admin chose it, so that a cluster still on its first checkpoint loads
    it. token_file: Ray's authentication token, if the file exists.
    """

    address: str
    checkpoint: Path
    chosen: bool = False
    token_file: Path | None = None
    queue_limit: int = 64
    phrase_limit: int = PHRASE_LIMIT

    def command(self, checkpoint: Path) -> Sequence[str]:
        """See WorkerProgram."""
        wanted = checkpoint.name if self.chosen or checkpoint != self.checkpoint else ""
        folder, token_file = str(checkpoint.parent), str(self.token_file or "")
        return ["-m", "bot.cluster.ray.bridge", self.address, folder, wanted, token_file]

    def pool(self) -> Pool:
        """See WorkerProgram."""
        return ReplicaPool()


def cluster_options(settings: Settings, name: str) -> ClusterOptions:
    """The options that the settings give. name: the admins' last choice, or the setting."""
    return ClusterOptions(
        address=settings.ray_address or "",
        checkpoint=settings.checkpoints_dir / name,
        chosen=name != settings.checkpoint,
        token_file=token_file(settings.state_dir),
        queue_limit=settings.queue_limit,
        phrase_limit=settings.phrase_limit,
    )


def token_file(state: Path) -> Path:
    """The file in which `litteragpt cluster up` keeps the authentication token."""
    return state / "cluster" / "token"


def loopback() -> str:
    """A loopback address that Ray keeps: it replaces 127.0.0.1 by an address that other machines
    can reach. Only Linux has all of 127.0.0.0/8."""
    return "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


def ray_is_installed() -> bool:
    """Whether the extra [cluster] is installed."""
    return find_spec("ray") is not None
