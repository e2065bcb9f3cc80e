"""Devices and threads of PyTorch."""

from __future__ import annotations

import platform

import torch

from model.cpu import available_cores
from model.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """The device for one of DEVICES; raises DeviceError for `cuda` without a CUDA device."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DeviceError("no_cuda")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def set_threads(wanted: int) -> int:
    """Use `wanted` CPU threads, or one per core for 0; returns the number."""
    threads = wanted or available_cores()
    torch.set_num_threads(threads)
    return threads


def fast_bfloat16(device: torch.device | str) -> bool:
    """Whether bfloat16 matrix products are faster than float32 on the device.

    A CPU without instructions for them emulates them, many times slower.
    """
    if torch.device(device).type != "cpu":
        return True
    if platform.machine() in ("aarch64", "arm64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
