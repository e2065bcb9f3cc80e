"""Descriptions of the machine and the revision, for model cards and figures."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch


def describe_machine(device: str) -> str:
    """The processor or GPU, and the versions of Python and torch."""
    software = f"Python {platform.python_version()}, torch {torch.__version__}"
    if torch.device(device).type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {software}"
    return f"{os.cpu_count()} cores of {_processor()}, {software}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for key, colon, value in (line.partition(":") for line in lines):
        if colon:
            facts[key.strip()] = value.strip()
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def git_revision() -> str | None:
    """The commit of the source tree, None outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() or None
