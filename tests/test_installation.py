"""`make` with an unusable Python: one sentence with the remedy, and no leftovers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

MAKE = shutil.which("make") or ""
pytestmark = pytest.mark.skipif(not MAKE, reason="there is no make")

OLD = "#!/bin/sh\nexit 1\n"
# As on Debian, where venv creates the folder before it fails.
WITHOUT_VENV = '#!/bin/sh\n[ "$1" = -c ] || { mkdir -p "$3/bin"; exit 1; }\n'


@pytest.mark.parametrize(
    ("script", "remedy"), [(OLD, "PYTHON=python3.12"), (WITHOUT_VENV, "python3-venv")]
)
def test_unusable_python_fails_with_remedy(tmp_path: Path, script: str, remedy: str) -> None:
    python, environment = tmp_path / "python", tmp_path / "venv"
    python.write_text(script)
    python.chmod(0o755)
    done = subprocess.run(
        [MAKE, f"PYTHON={python}", f"VENV={environment}", f"{environment}/.installed"],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if "MAKE" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert remedy in done.stdout
    assert not environment.exists()
