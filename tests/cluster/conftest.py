"""Checkpoints for clusters, and nothing of this machine's settings."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.settings import PREFIXES
from model.places import bundled_checkpoints
from model.stored import read_checkpoint
from tests.conftest import ENDLESS_TOKENIZER, save_tiny

for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
    del os.environ[name]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `small`, and with `lento` and `otro`, which are as large and as slow, write
    different texts, and end a sentence only at its limit."""
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(bundled_checkpoints() / "small", folder / "small")
    small = read_checkpoint(folder / "small").config
    slow = replace(small, vocabulary=ENDLESS_TOKENIZER.size)
    for seed, name in enumerate(("lento", "otro")):
        save_tiny(folder / name, seed, tokenizer=ENDLESS_TOKENIZER, config=slow)
    return folder
