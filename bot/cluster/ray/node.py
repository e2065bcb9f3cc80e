"""A Ray node on this machine: start it, remember it in the state folder, end it.

`ray stop` would end every Ray process of the machine, so a node runs in the foreground of a process
of ours and ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.cluster.ray.bridge import reach
from bot.cluster.ray.environment import ray_environment
from bot.cluster.ray.options import token_file
from bot.private_files import make_private, open_private, tighten, write_private
from bot.settings.names import PREFIX
from bot.settings.settings import Settings
from bot.texts import say
from model.errors import LitteraError

# Messages are small and bypass the object store.
OBJECT_STORE_BYTES = 80 * 2**20
# Last output of `ray start`.
STARTED = b"Ray runtime started"
START_SECONDS, END_SECONDS = 60.0, 40.0
# Replicas first finish their texts (FINISH_SECONDS in bot.cluster.ray.application).
DEPLOY_SECONDS = 180.0


class NodeError(LitteraError):
    """The node or the application cannot be started. The text, in Spanish, names the log."""


@dataclass(frozen=True)
class Node:
    """A node that this program started.

    born: creation time of its process in seconds since 1970, because process ids are reused.
    address: of the cluster. sessions: Ray's temporary folder.
    """

    pid: int
    born: float
    address: str
    head: bool
    sessions: str

    @property
    def process(self) -> psutil.Process | None:
        """The process, None after its end."""
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.born) < 1 else None
        except psutil.NoSuchProcess:
            return None


def remembered(settings: Settings) -> Node | None:
    """The running node that was started with this state folder."""
    try:
        node = Node(**json.loads(_memory(settings).read_text("utf-8")))
    except (OSError, TypeError, ValueError):
        return None
    return node if node.process is not None else None


def start(
    settings: Settings, *, join: str | None, host: str, port: int, cpus: int, gpus: int
) -> Node:
    """Start a head, or a node that joins one, and wait until it runs.

    host: address of this machine for the other nodes. Raises NodeError or ClusterError.
    """
    folder = _memory(settings).parent
    make_private(folder)
    tighten(settings.state_dir)
    token = token_file(settings.state_dir)
    if join is None:
        _make_token(token)
    else:
        reach(join)
    address = join or f"{host}:{port}"
    log = folder / "node.log"
    # Socket paths must be short. The folder is visible to others; Ray restricts access to it.
    sessions = tempfile.mkdtemp(prefix="litteragpt-ray-")
    command = [
        *(sys.executable, "-P", "-m", "ray.scripts.scripts", "start", "--block"),
        *(_joining(join) if join else _heading(port, sessions)),
        f"--node-ip-address={host}",
        f"--num-cpus={cpus}",
        f"--num-gpus={gpus}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        "--disable-usage-stats",
    ]
    with os.fdopen(open_private(log), "wb") as out:
        process = subprocess.Popen(  # noqa: S603 (this interpreter)
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=os.environ | ray_environment(token) | _environment(settings, join),
            cwd=sessions,
            start_new_session=True,
        )
    born = psutil.Process(process.pid).create_time()
    node = Node(process.pid, born, address, head=join is None, sessions=sessions)
    try:
        _wait_for(process, log)
    except NodeError:
        end(settings, node)
        raise
    write_private(_memory(settings), json.dumps(vars(node)))
    return node


def end(settings: Settings, node: Node) -> None:
    """End a node and its child processes."""
    if (process := node.process) is not None:
        family = [process, *process.children(recursive=True)]
        process.terminate()
        psutil.wait_procs([process], END_SECONDS)
        _, left = psutil.wait_procs(family, 1.0)
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    shutil.rmtree(node.sessions, ignore_errors=True)
    _memory(settings).unlink(missing_ok=True)


def deploy(settings: Settings, address: str, arguments: dict[str, object] | None) -> None:
    """Run the application in a cluster, or without arguments remove it after its last text.

    Raises NodeError.
    """
    options = [] if arguments is None else [json.dumps(arguments)]
    log = _memory(settings).parent / "deploy.log"
    with os.fdopen(open_private(log), "wb") as out:
        try:
            subprocess.run(  # noqa: S603 (this interpreter)
                [sys.executable, "-P", "-m", "bot.cluster.ray.deploy", address, *options],
                env=os.environ | ray_environment(token_file(settings.state_dir)),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=DEPLOY_SECONDS,
                check=True,
            )
        except subprocess.SubprocessError:
            raise NodeError(say("cluster_not_deployed", log=log)) from None


def _heading(port: int, sessions: str) -> list[str]:
    return ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={sessions}"]


def _joining(address: str) -> list[str]:
    return [f"--address={address}"]


def _environment(settings: Settings, join: str | None) -> dict[str, str]:
    """Variables of a node's processes: the checkpoints folder. A head that ends must not wait for
    other nodes to take over."""
    ours = {PREFIX + "CHECKPOINTS_DIR": str(settings.checkpoints_dir.resolve())}
    return ours if join else ours | {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}


def _make_token(path: Path) -> None:
    """A Ray cluster runs the code of any client, so that it requires a token."""
    with (
        contextlib.suppress(FileExistsError),
        os.fdopen(open_private(path, os.O_EXCL), "w") as file,
    ):
        file.write(secrets.token_hex(32))


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while STARTED not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NodeError(say("cluster_not_started", log=log))
        time.sleep(0.1)


def _memory(settings: Settings) -> Path:
    return settings.state_dir / "cluster" / "node.json"
