"""Checkpoints for clusters, and nothing of this machine's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings import PREFIXES
from tests.conftest import save_tiny

for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
    del os.environ[name]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which write different texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny", seed=0)
    save_tiny(folder / "otro", seed=1)
    return folder
