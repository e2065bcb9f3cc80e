"""The identity of a process: a slot in the state folder, locked while the process lives.

Each process with the same state folder takes a slot of its own. The lock ends with the process in
any case, so the next process in the slot is its successor: it inherits the identity and the journal
of sent messages.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bot.private_files import FILE_MODE, make_private, write_private
from bot.store.journal import JOURNAL, Journal

log = logging.getLogger(__name__)

MOST = 64  # processes in one folder
_FOLDERS = "process-*"
LOCKS = f"{_FOLDERS}/lock"


class Slot:
    """A locked slot: identity and journal."""

    def __init__(self, folder: Path, identity: str, lock: FileLock | None = None) -> None:
        self.identity, self.journal = identity, Journal(folder / JOURNAL)
        self._folder, self._lock = folder, lock

    def neighbours(self) -> Iterator[Journal]:
        """The journals of ended processes on this machine that have no successor yet."""
        for folder in sorted(self._folder.parent.glob(_FOLDERS)):
            if folder != self._folder and (lock := _locked(folder)) is not None:
                lock.release()
                yield Journal(folder / JOURNAL)

    def release(self) -> None:
        """Free the slot for another process."""
        self.journal.close()
        if self._lock is not None:
            self._lock.release()


def take_slot(folder: Path) -> Slot:
    """Lock the first free slot of a folder. Without one, the process gets a new identity without a
    successor: other processes claim its jobs once its lease has expired."""
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
