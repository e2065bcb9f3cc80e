"""The environment of the bot: disk, store, ports, and a bot that already runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil

from bot.cluster.postgres.identity import LOCKS
from bot.monitoring.healthcheck import readiness, unwell
from bot.net.ports import PortError, check_port
from bot.ops.doctor.findings import Finding, Grade, good, problem, warning
from bot.private_files import exposed
from bot.settings.names import METRICS_PORT
from bot.settings.settings import Settings
from bot.store.migrations import STEPS
from bot.store.sqlite import FILE, UNUSABLE
from bot.texts import say

LEAST_BYTES, SCARCE_BYTES = 100 * 2**20, 2**30


def running_bot(folder: Path) -> int | None:
    """The pid of the bot that uses the state folder, as far as this user can see: it has the store
    open, or holds an identity lock beside a shared database."""
    held = {str(path.resolve()) for path in (folder / FILE, *folder.glob(LOCKS))}
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and held & {f.path for f in process.open_files()}:
                return process.pid
        except (psutil.Error, OSError):
            continue
    return None


def disk(folder: Path) -> list[Finding]:
    """Whether the store's disk has room."""
    place = _existing(folder)
    free = shutil.disk_usage(place).free
    values = {"megabytes": free // 2**20, "folder": place}
    if free < LEAST_BYTES:
        return [problem("disco", "doctor_disk_full", **values)]
    if free < SCARCE_BYTES:
        return [warning("disco", "doctor_disk_scarce", **values)]
    return [good("disco", "doctor_disk", **values)]


def store(folder: Path) -> list[Finding]:
    """Whether the store is writable, sound and private."""
    place = _existing(folder)
    if not place.is_dir():
        return [problem("memoria", "doctor_store_no_folder", folder=place)]
    if not os.access(place, os.W_OK | os.X_OK):
        return [problem("memoria", "doctor_store_forbidden", folder=place)]
    database = folder / FILE
    if not database.exists():
        return [good("memoria", "doctor_store_none", folder=folder)]
    findings = [_soundness(database)]
    if os.name == "posix" and (file := exposed(folder)) is not None:
        findings.append(warning("memoria", "doctor_store_exposed", file=file))
    if aside := sorted(folder.glob(f"{FILE}{UNUSABLE}*")):
        findings.append(warning("memoria", "doctor_store_aside", file=aside[-1]))
    return findings


async def metrics_port(settings: Settings, running: int | None) -> list[Finding]:
    """Whether the monitoring port is free, or else the health of the bot that listens there.

    Without a port, whether a bot runs."""
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        return [] if running is None else [good("bot", "doctor_running", pid=running)]
    try:
        check_port(host, port, METRICS_PORT)
    except PortError as error:
        health = await asyncio.to_thread(readiness, host, port)
        if health is None:
            return [Finding("puerto", Grade.PROBLEM, str(error), say("doctor_port_remedy"))]
        if trouble := unwell(health):
            return [problem("bot", "doctor_running_unwell", unwell=trouble)]
        return [good("bot", "doctor_running_well", parts=", ".join(health))]
    return [good("puerto", "doctor_port", host=host, port=port)]


def _existing(folder: Path) -> Path:
    """The folder, or its nearest existing parent."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())


def _soundness(database: Path) -> Finding:
    try:
        with closing(
            sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2)
        ) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = connection.execute("SELECT number FROM version").fetchone()
    except sqlite3.Error as error:
        return problem("memoria", "doctor_store_damaged", file=database, reason=error)
    if verdict != "ok":
        return problem("memoria", "doctor_store_damaged", file=database, reason=verdict)
    if version > len(STEPS):
        return problem("memoria", "doctor_store_newer", file=database)
    return good("memoria", "doctor_store", file=database)
