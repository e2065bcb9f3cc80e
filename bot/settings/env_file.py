"""The file of settings as people write it: in which encoding, with which quotes, on which disk."""

from __future__ import annotations

import codecs
import os
import stat
import tempfile
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = ".env"
# What an editor that hides the ends of names makes of it.
MISNAMED = ".env.txt"
_UTF8 = "utf-8-sig"  # some editors put a byte-order mark in front
_QUOTES = ('""', "''", "“”", "‘’", "«»")
# The address of a database has a password in it.
SECRET_ENDINGS = ("TOKEN", "SECRET", "DATABASE_URL")


def encoding_of(path: Path) -> str:
    """How a file of settings is encoded: UTF-8, or UTF-16 as PowerShell's `>` writes it. Raises
    OSError for a file that cannot be read; one that is not there is UTF-8."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
    except (FileNotFoundError, IsADirectoryError):
        return _UTF8
    return "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else _UTF8


def values_of(path: Path) -> dict[str, str | None]:
    """What the file sets; nothing when it is not there. Raises OSError and UnicodeError."""
    return dotenv_values(path, encoding=encoding_of(path))


def plain(text: str) -> str:
    """A value without the spaces, line ends and quotes around it, which belong to none of ours.

    Container engines and systemd hand over what `.env` holds each in its own way: some with the
    quotes, some with the carriage return."""
    text = text.strip()
    quoted = len(text) > 1 and text[0] + text[-1] in _QUOTES
    return text[1:-1].strip() if quoted else text


def exposed_file() -> Path | None:
    """The file of settings, if it holds secrets and anybody may read it."""
    path = Path(ENV_FILE)
    try:
        readable = os.name == "posix" and path.stat().st_mode & stat.S_IROTH
        held = values_of(path) if readable else {}
    except (OSError, UnicodeError):  # load_settings tells of it
        return None
    secret = any(value and name.upper().endswith(SECRET_ENDINGS) for name, value in held.items())
    return path.resolve() if secret else None


def keeps_permissions(folder: Path) -> bool:
    """Whether the file system of a folder knows who may read a file: those of Windows that Linux
    sees (WSL, NTFS, FAT, some shared folders) say that all may, and chmod changes nothing.

    True where that cannot be seen, because nothing can be written there."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".litteragpt-") as file:
            return not os.fstat(file.fileno()).st_mode & stat.S_IROTH  # it was made for its owner
    except OSError:
        return True
