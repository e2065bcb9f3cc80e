"""How the bot starts the program that stands for a cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bot.settings.settings import Settings
from model.text.prompt import PHRASE_LIMIT

# Where a head listens if nothing else is said.
PORT = 6379


@dataclass(frozen=True)
class ClusterOptions:
    """A worker that is a cluster; see bot.executor.executor.WorkerProgram.

    checkpoint: a checkpoint's place in a folder whose only use here is its name; the replicas have
    folders of their own. chosen: whether an admin wants it, so that a cluster in which nobody has
    chosen since it began is to load it. token_file: what lets us in, if there is such a file.
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
        token_file = str(self.token_file or "")
        return ["-m", "bot.cluster.ray.bridge", self.address, wanted, token_file]


def cluster_options(settings: Settings, name: str) -> ClusterOptions:
    """What the settings say; name: the checkpoint that an admin chose last, or the setting."""
    return ClusterOptions(
        address=settings.ray_address or "",
        checkpoint=settings.checkpoints_dir / name,
        chosen=name != settings.checkpoint,
        token_file=token_file(settings.state_dir),
        queue_limit=settings.queue_limit,
        phrase_limit=settings.phrase_limit,
    )


def token_file(state: Path) -> Path:
    """Where `litteragpt cluster up` keeps what it lets others in with."""
    return state / "cluster" / "token"


def loopback() -> str:
    """An address of this machine that nobody else can reach, and that Ray takes for what it is:
    127.0.0.1 it replaces by one that others could reach. Only Linux has all of 127.0.0.0/8."""
    return "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


def ray_is_installed() -> bool:
    """Whether the extra [cluster] is there."""
    return find_spec("ray") is not None
