"""`litteragpt export` and `import`: the files that may be overwritten, and missing libraries."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from model.checkpoint.filenames import METRICS
from model.errors import ExchangeError
from model.exchange.qwen3 import Precision

_LIBRARIES = {"gguf", "tokenizers"}


def export_checkpoint(
    checkpoint: Path, out: Path, format: str, precision: str, *, force: bool
) -> str:
    """Write a checkpoint for another engine; return its name.

    format: `hf` or `gguf`.
    Raises CheckpointError, and ExchangeError if the checkpoint has no equivalent or `out` must not
    be replaced."""
    from model.checkpoint.checkpoint import read_checkpoint

    # A folder with metrics is one of our checkpoints, perhaps the source itself.
    earlier = out.is_dir() and not (out / METRICS).exists() if format == "hf" else out.is_file()
    _check_place(out, earlier=earlier, force=force)
    stored = read_checkpoint(checkpoint)
    try:
        if format == "hf":
            from model.exchange.hf import export_hf

            export_hf(stored, out, cast(Precision, precision))
        else:
            from model.exchange.gguf import export_gguf

            export_gguf(stored, out, cast(Precision, precision))
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        raise ExchangeError("no_library", name=error.name) from None
    return stored.name


def import_checkpoint(file: Path, out: Path, token_map: Path | None, *, force: bool) -> None:
    """Convert a checkpoint of LitteraGPT 0.1.0.

    Raises CheckpointError, and ExchangeError if it cannot be converted or `out` must not be
    replaced."""
    from model.exchange.original import import_original

    _check_place(out, earlier=(out / METRICS).is_file(), force=force)
    import_original(file, out, token_map)


def _check_place(out: Path, *, earlier: bool, force: bool) -> None:
    """Raise ExchangeError unless `out` is free, or is an `earlier` export and `force` is set."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not earlier:
        raise ExchangeError("not_replaced", file=str(out))
    if not force:
        raise ExchangeError("exists", file=str(out))
