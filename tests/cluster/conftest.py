"""Checkpoints for clusters, and nothing of this machine's settings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bot.settings.names import PREFIXES
from model.checkpoint.discovery import bundled_checkpoints
from tests.cluster.ray_nodes import save_slow

for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
    del os.environ[name]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `small`, and the two of `save_slow`."""
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(bundled_checkpoints() / "small", folder / "small")
    save_slow(folder)
    return folder
