"""Where a decoder runs on torch."""

from __future__ import annotations

import platform

import torch

from model.cpu import available_cores
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
    threads = wanted or available_cores()
    torch.set_num_threads(threads)
    return threads


def fast_bfloat16(device: torch.device | str) -> bool:
    """Whether matrix products of bfloat16 are faster than those of float32 there.

    A CPU without instructions for them emulates them, many times slower.
    """
    if torch.device(device).type != "cpu":
        return True
    if platform.machine() in ("aarch64", "arm64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
