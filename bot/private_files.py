"""Files and folders of the program's own, for nobody but their owner, whatever the umask says."""

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
# Names that no other program gives its files, wherever they lie.
_CERTAIN = ("litteragpt.db*", "sent.log")
_FILES = (*_CERTAIN, "id", "lock", "token", "node.json", "node.log", "deploy.log", ".*.tmp")
_ROOMS = ("web", "process-*", "cluster")


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only. Raises OSError.

    The folders above too: in the usual place these are ours, or those that are to be private
    (https://specifications.freedesktop.org/basedir/latest/)."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True, mode=FOLDER_MODE)
    folder.mkdir(exist_ok=True)  # raises for a file in its place


def write_private(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path`, whole or not at all, for its owner only. Raises OSError."""
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        with os.fdopen(open_private(temporary), "w", encoding="utf-8") as file:
            file.write(text)


def open_private(path: Path, flags: int = os.O_TRUNC) -> int:
    """A descriptor to write to a file that only its owner may read. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | flags, FILE_MODE)


def tighten(folder: Path) -> None:
    """Take from others what earlier versions, or a copy, left them of a state folder.

    In a folder that holds other things as well, only what is ours for certain: it may be a home,
    or that of a web server. What cannot be changed stays as it is; `doctor` tells of it.
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
    """The first of our files in a state folder that others may read, or the folder itself if they
    may put their own in the place of ours."""
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
