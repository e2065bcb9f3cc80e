"""Ray clusters for tests: real heads and nodes on loopback addresses, each with its own
checkpoints."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.cluster.ray import node as nodes
from bot.cluster.ray.options import ClusterOptions, ray_is_installed, token_file
from bot.executor.executor import Executor
from bot.settings.settings import Settings
from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from tests.conftest import ENDLESS_TOKENIZER, save_tiny

needs_ray = pytest.mark.skipif(
    not ray_is_installed(), reason="Ray is not installed; `make test-cluster` installs it"
)
# Time for replicas, the registry and nodes to come back.
BACK_SECONDS = 90
HEAD = "127.0.0.2"
SLOW = ("lento", "otro")
REPLICA_TITLE, REGISTRY_TITLE = "ray::ServeReplica:litteragpt:Replica", "litteragpt:Registry"
PLAIN: dict[str, object] = {"checkpoint": SLOW[0], "device": "cpu", "threads": 1, "rows": 4}


def free_port() -> int:
    """A free port of the head's address."""
    with socket.socket() as listener:
        listener.bind((HEAD, 0))
        port: int = listener.getsockname()[1]
        return port


def save_slow(folder: Path) -> None:
    """Save the checkpoints `lento` and `otro`: as large and slow as `small`, with different texts,
    and sentences that end only at their limit."""
    small = read_checkpoint(bundled_checkpoints() / "small").config
    slow = replace(small, vocabulary=ENDLESS_TOKENIZER.size)
    for seed, name in enumerate(SLOW):
        save_tiny(folder / name, seed, tokenizer=ENDLESS_TOKENIZER, config=slow)


class RayNode:
    """A node with its own state folder and checkpoints folder."""

    def __init__(self, folder: Path, checkpoints: Path) -> None:
        self.checkpoints = Path(shutil.copytree(checkpoints, folder / "checkpoints"))
        self.settings = Settings(
            state_dir=folder / "state", checkpoints_dir=self.checkpoints, _env_file=None
        )
        self._node: nodes.Node | None = None
        self._begin: Callable[[], nodes.Node] | None = None

    def start(self, *, host: str, cpus: int, port: int = 0, join: str | None = None) -> None:
        """Start the node."""
        self._begin = partial(
            nodes.start, self.settings, join=join, host=host, port=port, cpus=cpus, gpus=0
        )
        self._node = self._begin()

    def come_back(self) -> None:
        """Start again with the same arguments."""
        assert self._begin is not None
        self._node = self._begin()

    def family(self) -> list[psutil.Process]:
        """All processes of this node."""
        process = None if self._node is None else self._node.process
        return [] if process is None else [process, *process.children(recursive=True)]

    def replicas(self, title: str = REPLICA_TITLE) -> list[int]:
        """Ids of this node's processes with this title."""
        return [each.pid for each in self.family() if title in " ".join(_words(each))]

    def kill(self) -> None:
        """Kill all processes, as if the machine had failed."""
        family = self.family()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family, 10)
        self.end()

    def end(self) -> None:
        """End the node, if it runs."""
        if self._node is not None:
            for each in self.family():  # draining would take half a minute
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            nodes.end(self.settings, self._node)
            self._node = None


class RayCluster:
    """A head, usually without replicas, and nodes with replicas."""

    def __init__(self, folder: Path, checkpoints: Path) -> None:
        self._folder, self.checkpoints = folder, checkpoints
        self.port = free_port()
        self.address = f"{HEAD}:{self.port}"
        self.head = RayNode(folder / "head", checkpoints)
        self.nodes: list[RayNode] = []

    def begin(self, cpus: int = 0) -> None:
        """Start the head."""
        self.head.start(host=HEAD, port=self.port, cpus=cpus)

    def add(self, cpus: int = 2) -> RayNode:
        """Start another node."""
        number = len(self.nodes) + 1
        node = RayNode(self._folder / f"node{number}", self.checkpoints)
        token = token_file(node.settings.state_dir)
        token.parent.mkdir(parents=True)
        shutil.copy(self.token, token)
        self.nodes.append(node)
        node.start(host=f"127.0.0.{2 + number}", cpus=cpus, join=self.address)
        return node

    def deploy(self, **arguments: object) -> None:
        """Deploy replicas."""
        nodes.deploy(self.head.settings, self.address, PLAIN | arguments)

    @property
    def token(self) -> Path:
        """The file of the authentication token."""
        return token_file(self.head.settings.state_dir)

    def replicas(self, title: str = REPLICA_TITLE) -> list[int]:
        """Ids of the processes with this title on all nodes."""
        return [pid for each in (self.head, *self.nodes) for pid in each.replicas(title)]

    def options(self, **changes: Any) -> ClusterOptions:
        """Options for an executor that uses this cluster."""
        place = self.checkpoints / "lento"
        return ClusterOptions(self.address, place, token_file=self.token, **changes)

    def close(self) -> None:
        """End all nodes."""
        for each in (*self.nodes, self.head):
            each.end()


@contextmanager
def ray_cluster(folder: Path, checkpoints: Path) -> Iterator[RayCluster]:
    """A cluster, to be started with `begin`, closed at the end."""
    cluster = RayCluster(folder, checkpoints)
    try:
        yield cluster
    finally:
        cluster.close()


@asynccontextmanager
async def using(cluster: RayCluster, **changes: Any) -> AsyncIterator[Executor]:
    """A started executor that uses the cluster, closed at the end."""
    executor = Executor(cluster.options(**changes))
    await executor.start()
    try:
        yield executor
    finally:
        await executor.close()


async def until(condition: Callable[[], bool]) -> None:
    """Poll until a condition on other processes holds."""
    async with asyncio.timeout(BACK_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def kill(pid: int) -> None:
    """Kill a process, if it lives."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
