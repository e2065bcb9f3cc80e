"""For the tests of the running program: two tiny checkpoints, and nothing of this machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings.names import PREFIXES
from tests.conftest import save_tiny


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of ours and no .env file of this machine reaches a test."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which write different texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny", seed=0)
    save_tiny(folder / "otro", seed=1)
    return folder
