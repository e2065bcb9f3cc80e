"""Ray clusters for tests: real heads and nodes on this machine's loopback, each with checkpoints of
its own."""

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
# Replicas, the registry and nodes are back within this time, or a test fails.
BACK_SECONDS = 90
HEAD = "127.0.0.2"
SLOW = ("lento", "otro")
REPLICA_TITLE, REGISTRY_TITLE = "ray::ServeReplica:litteragpt:Replica", "litteragpt:Registry"
PLAIN: dict[str, object] = {"checkpoint": SLOW[0], "device": "cpu", "threads": 1, "rows": 4}


def free_port() -> int:
    """A port of the head's address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HEAD, 0))
        port: int = listener.getsockname()[1]
        return port


def save_slow(folder: Path) -> None:
    """Make the checkpoints `lento` and `otro`, which are as large and as slow as `small`, write
    different texts, and end a sentence only at its limit."""
    small = read_checkpoint(bundled_checkpoints() / "small").config
    slow = replace(small, vocabulary=ENDLESS_TOKENIZER.size)
    for seed, name in enumerate(SLOW):
        save_tiny(folder / name, seed, tokenizer=ENDLESS_TOKENIZER, config=slow)


class RayNode:
    """A node of a test's cluster with a state folder and a folder of checkpoints of its own."""

    def __init__(self, folder: Path, checkpoints: Path) -> None:
        self.checkpoints = Path(shutil.copytree(checkpoints, folder / "checkpoints"))
        self.settings = Settings(
            state_dir=folder / "state", checkpoints_dir=self.checkpoints, _env_file=None
        )
        self._node: nodes.Node | None = None
        self._begin: Callable[[], nodes.Node] | None = None

    def start(self, *, host: str, cpus: int, port: int = 0, join: str | None = None) -> None:
        """Begin to run."""
        self._begin = partial(
            nodes.start, self.settings, join=join, host=host, port=port, cpus=cpus, gpus=0
        )
        self._node = self._begin()

    def come_back(self) -> None:
        """Begin again after the end, as before."""
        assert self._begin is not None
        self._node = self._begin()

    def family(self) -> list[psutil.Process]:
        """All processes of this node."""
        process = None if self._node is None else self._node.process
        return [] if process is None else [process, *process.children(recursive=True)]

    def replicas(self, title: str = REPLICA_TITLE) -> list[int]:
        """The processes here that write, or that have another title."""
        return [each.pid for each in self.family() if title in " ".join(_words(each))]

    def kill(self) -> None:
        """All at once, as when the machine is gone."""
        family = self.family()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family, 10)
        self.end()

    def end(self) -> None:
        """End what is left."""
        if self._node is not None:
            for each in self.family():  # draining would take half a minute
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            nodes.end(self.settings, self._node)
            self._node = None


class RayCluster:
    """A head on which nothing is written, and nodes that write."""

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
        """Have replicas write there."""
        nodes.deploy(self.head.settings, self.address, PLAIN | arguments)

    @property
    def token(self) -> Path:
        """What lets others in."""
        return token_file(self.head.settings.state_dir)

    def replicas(self, title: str = REPLICA_TITLE) -> list[int]:
        """The processes that write, on every node."""
        return [pid for each in (self.head, *self.nodes) for pid in each.replicas(title)]

    def options(self, **changes: Any) -> ClusterOptions:
        """What an executor needs to use it."""
        place = self.checkpoints / "lento"
        return ClusterOptions(self.address, place, token_file=self.token, **changes)

    def close(self) -> None:
        """End everything."""
        for each in (*self.nodes, self.head):
            each.end()


@contextmanager
def ray_cluster(folder: Path, checkpoints: Path) -> Iterator[RayCluster]:
    """A cluster that is closed at the end; `begin` it first."""
    cluster = RayCluster(folder, checkpoints)
    try:
        yield cluster
    finally:
        cluster.close()


@asynccontextmanager
async def using(cluster: RayCluster, **changes: Any) -> AsyncIterator[Executor]:
    """An executor that has the cluster write; closed at the end."""
    executor = Executor(cluster.options(**changes))
    await executor.start()
    try:
        yield executor
    finally:
        await executor.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes do, of which nobody tells."""
    async with asyncio.timeout(BACK_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def kill(pid: int) -> None:
    """At once; one that is gone already is."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
