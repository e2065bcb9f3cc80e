"""Where checkpoints lie."""

from __future__ import annotations

import os
from pathlib import Path

from model.checkpoint.filenames import CONFIG, METRICS, TOKENIZER, WEIGHTS
from model.errors import CheckpointError


def bundled_checkpoints() -> Path:
    """The folder of the checkpoints that come with the program, in a checkout and installed."""
    return Path(__file__).resolve().parents[2] / "checkpoints"


def checkpoint_names(folder: Path) -> list[str]:
    """The checkpoints in a folder, by name."""
    try:
        return sorted(path.parent.name for path in folder.glob(f"*/{WEIGHTS}"))
    except OSError:
        return []


def named_checkpoint(name: str, folder: Path) -> Path:
    """The folder called `name` inside `folder`, and nothing outside it.

    Raises CheckpointError, naming what is there, for a path, for a link that leads out, and for a
    name that is not there or may not be looked at. Whether it is a checkpoint is for
    `load_checkpoint` to say.
    """
    inside = folder / name
    # os.path.isdir answers False where Path.is_dir raises: names too long, null bytes.
    plain = name not in {"", os.curdir, os.pardir} and name == inside.name
    if plain and os.path.isdir(inside) and inside.resolve().parent == folder.resolve():
        return inside
    if plain and _is_forbidden(inside):
        raise CheckpointError("forbidden", file=str(inside))
    known = ", ".join(checkpoint_names(folder)) or "-"
    raise CheckpointError("unknown", name=name, folder=str(folder), known=known)


def find_checkpoint(name_or_path: str, folder: Path) -> Path:
    """A checkpoint by its name inside `folder`, or by its path; raises CheckpointError."""
    try:
        return named_checkpoint(name_or_path, folder)
    except CheckpointError as error:
        if error.code != "unknown":
            raise
        if name_or_path and os.path.isdir(name_or_path):
            return Path(name_or_path)
        raise


def check_permission(folder: Path) -> None:
    """Raises CheckpointError for a file of a checkpoint that is there and may not be read."""
    for path in (folder / name for name in (CONFIG, TOKENIZER, WEIGHTS, METRICS)):
        if _is_forbidden(path) or (os.path.exists(path) and not os.access(path, os.R_OK)):
            raise CheckpointError("forbidden", file=str(path))


def _is_forbidden(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # it is not there, or no name that could be
        return False
    return False
