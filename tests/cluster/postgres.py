"""A PostgreSQL server for tests, where one is installed.

Run as a module, the exit code is 0 if one is installed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

# Debian's folder of the server programs, which are not on PATH.
DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL does not run as root; the first of these users that exists.
USERS = ("postgres", "nobody")
USER, DATABASE = "littera", "postgres"
START_SECONDS = 30.0
# No data outlive a test, so nothing waits for the disk.
SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60")
MISSING = "no PostgreSQL here: install Debian's postgresql, or name its folder in POSTGRES_BIN"


def programs() -> Path | None:
    """The folder of initdb and postgres: POSTGRES_BIN, or else the newest installed."""
    named = os.environ.get("POSTGRES_BIN")
    found = [Path(named)] if named else []
    if (on_path := shutil.which("initdb")) is not None:
        found.append(Path(on_path).resolve().parent)
    if (config := shutil.which("pg_config")) is not None:
        asked = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        found.append(Path(asked.stdout.strip()))
    found += sorted(DEBIAN.glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    return next((each for each in found if (each / "postgres").exists()), None)


class Postgres:
    """A server on a loopback port with a password, in a folder of its user."""

    def __init__(self, bin_folder: Path, folder: Path) -> None:
        self._bin, self._folder = bin_folder, folder
        self._password = secrets.token_hex(8)
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._initialize()
        self.start()

    @property
    def url(self) -> str:
        """The value for LITTERAGPT_DATABASE_URL."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def password(self) -> str:
        """The password, which no output may contain."""
        return self._password

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = [part for each in SETTINGS for part in ("-c", each)]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres",
                    *("-D", self._folder / "data", "-p", str(self._port), "-h", "127.0.0.1"),
                    *("-k", ""),
                    *settings,
                ],
                user=self._user,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop at once, as in a crash (SIGQUIT), or in order (SIGINT)."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)

    def freeze(self, frozen: bool = True) -> None:
        """Freeze or thaw all processes of the server."""
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self._process.pid)
            for each in (main, *main.children(recursive=True)):
                each.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    @property
    def log(self) -> str:
        """The server's log."""
        return (self._folder / "server.log").read_text("utf-8", "replace")

    def ask(self, statement: str) -> list[list[str]]:
        """The rows of a statement, run by psql."""
        done = subprocess.run(
            [self._bin / "psql", "-XAtq", "-F", "\t", self.url, "-c", statement],
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def empty(self) -> None:
        """Drop all tables."""
        self.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def _initialize(self) -> None:
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        secret = self._folder / "password"
        secret.write_text(self._password)
        if self._user is not None:
            shutil.chown(secret, self._user)
        subprocess.run(
            [
                self._bin / "initdb",
                *("-D", self._folder / "data", "-U", USER, "--pwfile", secret),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"),
            ],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            check=True,
        )


@contextlib.contextmanager
def serving() -> Iterator[Postgres]:
    """A server that runs within the context; AssertionError where none is installed."""
    folder = programs()
    assert folder is not None, MISSING
    # Not below the tests' own folders, which only their owner can read.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        server = Postgres(folder, Path(name))
        try:
            yield server
        finally:
            server.freeze(False)
            server.stop()


def _unprivileged_user() -> str:
    known = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in USERS if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(programs() is None)
