"""The capacity of one PostgreSQL under the bot's statements: requests per second, with pgbench.

Starts a temporary server. Tables and statements come from `bot.store.tables`, as in the store.
pgbench sends them, since it costs next to nothing and the server's limit is the question.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import JSON, Boolean, Float, Integer, Table, delete, literal_column, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from bot.store.tables import events, jobs, metadata, requests

# Debian's folder of server programs; other systems have them on the PATH.
BINARIES = "/usr/lib/postgresql/15/bin"
# PostgreSQL does not run as root; its package makes this user.
USER = "postgres"
# A day of what the limits count, and jobs that a dead process has left behind.
COUNTED, LEFT = 500_000, 1_000
PHRASE = "En un lugar de la Mancha"


@dataclass(frozen=True)
class StoreSpeed:
    """Figures of one pgbench script.

    milliseconds: mean latency of a run.
    processor: milliseconds of the server's processor time per run.
    forced: commits wait for the disk.
    """

    script: str
    transactions: int
    connections: int
    forced: bool
    per_second: float
    milliseconds: float
    processor: float


def scripts() -> dict[str, tuple[int, str]]:
    """The scripts by name: number of transactions, and statements.

    Like `Store.receive`, `take` and `finish`. `claim` takes over one job of a dead process, with
    the lock that lets several processes claim at once.
    """
    number = "\\set n random(1, 1000000000)\n"
    reference = literal_column("'J' || :n || '-' || :client_id")
    mine = jobs.c.reference == reference
    event = literal_column("'E' || :n || '-' || :client_id")
    take = [
        _insert(jobs, reference=reference),
        _insert(requests, person=literal_column("'discord:' || mod(:n, 100000)")),
    ]
    known = (events.c.platform == "telegram") & (events.c.key == event)
    handled = _sql(update(events).where(known).values(body=None))
    finish = _transaction(_sql(delete(jobs).where(mine)))
    received = _transaction(_insert(events, platform=literal_column("'telegram'"), key=event))
    claim = (
        "SELECT reference FROM jobs ORDER BY asked LIMIT 1 FOR UPDATE SKIP LOCKED \\gset\n"
        "UPDATE jobs SET asked = asked + 1 WHERE reference = :reference;"
    )
    return {
        "Discord request": (2, number + _transaction(*take) + finish),
        "Telegram request": (3, number + received + _transaction(*take, handled) + finish),
        "claim": (1, _transaction(claim)),
    }


def measure(folder: Path, seconds: int, connections: tuple[int, ...]) -> list[dict[str, Any]]:
    """Every script with every number of connections, commits forced to the disk and not."""
    found = []
    with server(folder) as run:
        tables = "\n".join(map(_ddl, metadata.sorted_tables))
        run("psql", "-q", "-v", "ON_ERROR_STOP=1", given=tables + _filling())
        for forced in (True, False):
            setting = "on" if forced else "off"
            run("psql", "-q", given=f"ALTER SYSTEM SET synchronous_commit = {setting};")
            run("psql", "-q", given="SELECT pg_reload_conf();")
            for name, (transactions, script) in scripts().items():
                for clients in connections:
                    run("psql", "-q", given="VACUUM ANALYZE; CHECKPOINT;")
                    before = _spent(folder)
                    rate, latency = _bench(run, folder, script, clients, seconds)
                    processor = 1000 * (_spent(folder) - before) / (rate * seconds)
                    speed = StoreSpeed(
                        name, transactions, clients, forced, rate, latency, processor
                    )
                    found.append(asdict(speed))
    return found


def _bench(run: Any, folder: Path, script: str, clients: int, seconds: int) -> tuple[float, float]:
    path = folder / "script.sql"
    path.write_text(script, "utf-8")
    path.chmod(0o644)
    told = run("pgbench", "-n", "-M", "prepared", "-f", str(path), "-T", str(seconds),
               "-c", str(clients), "-j", "1", "--max-tries=10")  # fmt: skip
    rate = re.search(r"tps = ([\d.]+)", told)
    latency = re.search(r"latency average = ([\d.]+) ms", told)
    if rate is None or latency is None:
        raise RuntimeError(f"pgbench said {told!r}")
    return float(rate[1]), float(latency[1])


def _spent(folder: Path) -> float:
    """Seconds of processor time of the server: of what runs, and of connections that have ended."""
    time.sleep(0.5)  # connections that were closed end now
    pid = int((folder / "data" / "postmaster.pid").read_text("utf-8").splitlines()[0])
    postmaster, running = psutil.Process(pid), 0.0
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            running += times.user + times.system
    own = postmaster.cpu_times()
    return float(running + own.user + own.system + own.children_user + own.children_system)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Any]:
    """A PostgreSQL with its packaged settings, reached through a socket in `folder`; yields a way
    to run its programs."""
    user = USER if os.geteuid() == 0 else None
    data, port = folder / "data", _free_port()
    folder.chmod(0o755)
    if user is not None:
        shutil.chown(folder, user)
    environment = {
        "PATH": f"{BINARIES}:{os.environ['PATH']}",
        "PGHOST": str(folder),
        "PGPORT": str(port),
        "PGUSER": USER,
        "PGDATABASE": "postgres",
        "LC_ALL": "C.UTF-8",
    }

    def run(program: str, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            [shutil.which(program, path=environment["PATH"]) or program, *arguments],
            input=given, capture_output=True, text=True, check=False,
            env=environment, user=user, cwd=folder,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
        return done.stdout

    run("initdb", "-D", str(data), "-U", USER, "--auth=trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -p {port}"
    # Its own output would keep the pipe of pg_ctl open.
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield run
    finally:
        run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ddl(table: Table) -> str:
    parts = [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda i: i.name))]
    return "\n".join(f"{part.compile(dialect=postgresql.dialect())};" for part in parts)


def _filling() -> str:
    """Rows that are there before: what the limits have counted, and jobs that were left."""
    counted = _insert(requests, person=literal_column("'discord:' || mod(n, 100000)"))
    left = _insert(jobs, reference=literal_column("'L' || n"))
    return "".join(
        statement.replace("VALUES (", "SELECT ")
        .replace(") ON CONFLICT", " ON CONFLICT")
        .replace(" ON CONFLICT", f" FROM generate_series(1, {count}) AS n ON CONFLICT")
        for statement, count in ((counted, COUNTED), (left, LEFT))
    )


def _insert(table: Table, **given: Any) -> str:
    """A row of a table; columns that need a value and were given none get one of their type."""
    values = {}
    for column in table.columns:
        key = column.primary_key and isinstance(column.type, Integer)
        if column.key in given:
            values[column.key] = given[column.key]
        elif column.key == "phrase":
            values[column.key] = literal_column(f"'{PHRASE}'")
        elif not key and (not column.nullable or isinstance(column.type, JSON)):
            values[column.key] = literal_column(_sample(column.type))
    return _sql(postgresql.insert(table).values(values).on_conflict_do_nothing().inline())


def _sample(kind: Any) -> str:
    """A value of this type, about as large as what the bot keeps."""
    match kind:
        case JSON():
            content = ", ".join(f'"field_{n}": 1234567890' for n in range(7))
            return f"'{{{content}}}'"
        case Boolean():
            return "false"
        case Float():
            return "extract(epoch from clock_timestamp())"
        case Integer():
            return "1234567"
        case _:
            return "'discord'"


def _transaction(*statements: str) -> str:
    lines = (each if each.endswith("\n") else each + "\n" for each in statements)
    return "BEGIN;\n" + "".join(lines) + "COMMIT;\n"


def _sql(statement: Any) -> str:
    compiled = statement.compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    return " ".join(str(compiled).split()) + ";"
