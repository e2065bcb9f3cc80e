"""Two tiny checkpoints, and an environment without settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings.names import PREFIXES
from tests.bot.windows_disk import build_library
from tests.conftest import save_tiny


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings and the `.env` file of this machine."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which generate different texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny", seed=0)
    save_tiny(folder / "otro", seed=1)
    return folder


@pytest.fixture(scope="session")
def without_permissions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for a program that is to see a file system without permissions."""
    library = build_library(tmp_path_factory.mktemp("disk"))
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    return {"LD_PRELOAD": str(library)}
