"""Files and folders that only their owner can access, independent of the umask."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from model.files import replacing

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITERS = stat.S_IWGRP | stat.S_IWOTH
# Names that no other program uses.
_CERTAIN = ("litteragpt.db*", "sent.log")
_FILES = (*_CERTAIN, "id", "lock", "token", "node.json", "node.log", "deploy.log", ".*.tmp")
_ROOMS = ("web", "process-*", "cluster")


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, accessible to their owner only. Raises OSError.

    In the usual place the parents are ours or private by convention
    (https://specifications.freedesktop.org/basedir/latest/).
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True, mode=FOLDER_MODE)
    folder.mkdir(exist_ok=True)  # raises for a file in its place


def write_private(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically, accessible to its owner only. Raises OSError."""
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        with os.fdopen(open_private(temporary), "w", encoding="utf-8") as file:
            file.write(text)


def open_private(path: Path, flags: int = os.O_TRUNC) -> int:
    """A descriptor to write a file that only its owner can access. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | flags, FILE_MODE)


def tighten(folder: Path) -> None:
    """Remove the access of others to a state folder that an earlier version or a copy left open.

    In a folder with foreign files (a home, a web server's root), only files of ours that are
    certain. Errors are ignored; `doctor` reports files that remain open.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        entries = list(folder.iterdir())
        ours = all(_matches(entry, (*_FILES, *_ROOMS)) for entry in entries)
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                if _matches(entry, _ROOMS) and next(entry.iterdir(), None) is not None:
                    tighten(entry)
            elif ours or _matches(entry, _CERTAIN):
                _close(entry)
        if ours:
            _close(folder)


def exposed(folder: Path) -> Path | None:
    """The first of our files in a state folder that others can read, or the folder itself if others
    can replace our files."""
    found = sorted(path for name in _CERTAIN for path in folder.glob(name))
    if (path := next((each for each in found if each.stat().st_mode & _OTHERS), None)) is not None:
        return path
    return folder if folder.stat().st_mode & _WRITERS else None


def _matches(path: Path, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def _close(path: Path) -> None:
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
