"""Finding checkpoints by name."""

from __future__ import annotations

import os
from pathlib import Path

from model.checkpoint.filenames import CONFIG, METRICS, TOKENIZER, WEIGHTS
from model.errors import CheckpointError


def bundled_checkpoints() -> Path:
    """The folder of the bundled checkpoints, in a checkout or an installation."""
    return Path(__file__).resolve().parents[2] / "checkpoints"


def checkpoint_names(folder: Path) -> list[str]:
    """The names of the checkpoints in a folder, sorted."""
    try:
        return sorted(path.parent.name for path in folder.glob(f"*/{WEIGHTS}"))
    except OSError:
        return []


def named_checkpoint(name: str, folder: Path) -> Path:
    """The folder `name` directly inside `folder`; its content is not checked.

    Raises CheckpointError, naming the available checkpoints, for a path, a link that leads outside,
    a missing folder or one without permission.
    """
    inside = folder / name
    # os.path.isdir returns False where Path.is_dir raises: names too long, null bytes.
    plain = name not in {"", os.curdir, os.pardir} and name == inside.name
    if plain and os.path.isdir(inside) and inside.resolve().parent == folder.resolve():
        return inside
    if plain and _is_forbidden(inside):
        raise CheckpointError("forbidden", file=str(inside))
    known = ", ".join(checkpoint_names(folder)) or "-"
    raise CheckpointError("unknown", name=name, folder=str(folder), known=known)


def find_checkpoint(name_or_path: str, folder: Path) -> Path:
    """A checkpoint by name inside `folder`, or by path; raises CheckpointError."""
    try:
        return named_checkpoint(name_or_path, folder)
    except CheckpointError as error:
        if error.code != "unknown":
            raise
        if name_or_path and os.path.isdir(name_or_path):
            return Path(name_or_path)
        raise


def check_permission(folder: Path) -> None:
    """Raise CheckpointError if a file of the checkpoint exists but is not readable."""
    for path in (folder / name for name in (CONFIG, TOKENIZER, WEIGHTS, METRICS)):
        if _is_forbidden(path) or (os.path.exists(path) and not os.access(path, os.R_OK)):
            raise CheckpointError("forbidden", file=str(path))


def _is_forbidden(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # missing, or an impossible name
        return False
    return False
