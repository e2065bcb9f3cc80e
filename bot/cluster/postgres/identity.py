"""Who a process is, for as long as its files live: a folder that it alone has locked.

Processes of one machine that are given the same folder each take a place in it. The lock goes with
the process, however that ends, so whoever takes the place next is sure to be its heir: it has the
same identity, and the journal of what was sent.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bot.private_files import FILE_MODE, make_private, write_private
from bot.store.journal import Journal

log = logging.getLogger(__name__)

JOURNAL = "sent.log"
MOST = 64  # processes in one folder
_FOLDERS = "process-*"
LOCKS = f"{_FOLDERS}/lock"


class Slot:
    """A place that this process has: its identity and its journal."""

    def __init__(self, folder: Path, identity: str, lock: FileLock | None = None) -> None:
        self.identity, self.journal = identity, Journal(folder / JOURNAL)
        self._folder, self._lock = folder, lock

    def neighbours(self) -> Iterator[Journal]:
        """The journals of processes of this machine that have ended and have no heir yet."""
        for folder in sorted(self._folder.parent.glob(_FOLDERS)):
            if folder != self._folder and (lock := _locked(folder)) is not None:
                lock.release()
                yield Journal(folder / JOURNAL)

    def release(self) -> None:
        """Let another process have it."""
        self.journal.close()
        if self._lock is not None:
            self._lock.release()


def take_slot(folder: Path) -> Slot:
    """The first place in this folder that nobody has. Where none can be had, a new identity that
    nobody will inherit: its requests are taken over by others when its lease has run out."""
    try:
        for number in range(1, MOST + 1):
            place = folder / f"process-{number}"
            make_private(place)
            if (lock := _locked(place)) is not None:
                return Slot(place, _identity(place / "id"), lock)
        reason = f"{MOST} processes are there already"
    except OSError as error:
        reason = str(error.strerror)
    log.warning("no place in %s (%s): what this process leaves behind waits", folder, reason)
    return Slot(folder / "process-0", secrets.token_hex(8))


def _locked(folder: Path) -> FileLock | None:
    lock = FileLock(folder / "lock", mode=FILE_MODE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def _identity(path: Path) -> str:
    try:
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found.isalnum():
        found = secrets.token_hex(8)
        write_private(path, found)
    return found
