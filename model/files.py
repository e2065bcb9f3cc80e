"""Atomic writes, and reads with clear errors."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model.errors import CheckpointError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it atomically replaces `path`.

    On failure, such as a full disk, the temporary file is removed and `path` is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object to `path` as indented JSON, atomically."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def unreadable(path: Path, error: OSError) -> CheckpointError:
    """The CheckpointError for a file that cannot be read."""
    match error:
        case FileNotFoundError():
            return CheckpointError("missing", file=str(path))
        case PermissionError():
            return CheckpointError("forbidden", file=str(path))
        case _:
            return CheckpointError("unreadable", file=str(path), reason=error.strerror)


def check_regular(path: Path) -> None:
    """Raise CheckpointError for a pipe, a device or a folder, which might block a read forever."""
    if path.exists() and not path.is_file():
        raise CheckpointError("unreadable", file=str(path), reason="it is no regular file")


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a checkpoint's file; raises CheckpointError naming the file."""
    check_regular(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        raise CheckpointError("not_json", file=str(path)) from None
    if not isinstance(content, dict):
        raise CheckpointError("content", file=str(path), problem="expected an object")
    return content
