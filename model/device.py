"""Where a decoder runs."""

from __future__ import annotations

import os

import torch

from model.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """The device to use, one of DEVICES; raises DeviceError for `cuda` where there is none."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError("no_cuda")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def set_threads(wanted: int) -> int:
    """Use `wanted` CPU threads, or as many as there are cores for 0; returns how many."""
    threads = wanted or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else wanted
    threads = threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    return threads
