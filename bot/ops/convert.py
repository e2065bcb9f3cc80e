"""`litteragpt export` and `import`: what may be written where, and what a library lacks."""

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
    """Write a checkpoint for another engine; returns its name.

    format: hf or gguf. Raises CheckpointError, and ExchangeError for what cannot be exported or
    must not be replaced.
    """
    from model.checkpoint.checkpoint import read_checkpoint

    # A folder with metrics is a checkpoint of ours, perhaps this very one.
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
    """Write the checkpoint of ours that LitteraGPT 0.1.0's becomes.

    Raises CheckpointError, and ExchangeError for what cannot be imported or must not be replaced.
    """
    from model.exchange.original import import_original

    _check_place(out, earlier=(out / METRICS).is_file(), force=force)
    import_original(file, out, token_map)


def _check_place(out: Path, *, earlier: bool, force: bool) -> None:
    """Raise ExchangeError unless `out` is free, or what is there is an `earlier` one of its kind
    that is to be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not earlier:
        raise ExchangeError("not_replaced", file=str(out))
    if not force:
        raise ExchangeError("exists", file=str(out))
