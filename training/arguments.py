"""Arguments that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from training.failures import fail

DEFAULT_CHECKPOINT = "small"


def known(value: str, choices: Iterable[str], what: str) -> str:
    """Return `value` if it is one of `choices`, else exit."""
    if value not in choices:
        fail(f"unknown {what} {value!r}; choose one of {', '.join(choices)}")
    return value


def default_cache() -> Path:
    """The folder of downloaded texts."""
    import platformdirs

    return platformdirs.user_cache_path("litteragpt") / "corpus"


def device_named(name: str) -> str:
    """The kind of device to compute on, `cpu` or `cuda`, with all cores where it is the CPU."""
    from model.pytorch.device import DEVICES, resolve_device

    use_all_cores()
    return resolve_device(known(name, DEVICES, "device")).type


def use_all_cores() -> None:
    """Give torch as many threads as there are cores, or what OMP_NUM_THREADS says."""
    from model.pytorch.device import set_threads

    asked = os.environ.get("OMP_NUM_THREADS", "")
    set_threads(int(asked) if asked.isdigit() else 0)
