"""Where a decoder runs on torch."""

from __future__ import annotations

import torch

from model.errors import DeviceError
from model.runtime import available_cores

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """The device to use, one of DEVICES; raises DeviceError for `cuda` where there is none."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError("no_cuda")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def set_threads(wanted: int) -> int:
    """Use `wanted` CPU threads, or as many as there are cores for 0; returns how many."""
    threads = wanted or available_cores()
    torch.set_num_threads(threads)
    return threads
