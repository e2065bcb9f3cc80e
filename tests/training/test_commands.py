"""The operators' commands as a whole."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run some lines in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def test_the_commands_load_without_torch_and_httpx() -> None:
    done = python(
        "import sys, training.cli\n"
        "print(sorted({'torch', 'httpx', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_missing_extra_is_one_sentence() -> None:
    done = python(
        "import sys\n"
        "sys.modules['httpx'] = None\n"
        "sys.argv = ['litteragpt', 'corpus', 'download']\n"
        "from training.cli import app\n"
        "app()"
    )
    assert done.returncode == 1
    assert done.stderr == (
        'litteragpt: httpx is not installed; run: pip install "litteragpt[training]"\n'
    )


def test_ctrl_c_in_any_command_is_one_sentence() -> None:
    done = python(
        "from training.failures import plain_failures\n"
        "import typer\n"
        "@plain_failures()\n"
        "def command() -> None:\n"
        "    raise KeyboardInterrupt\n"
        "typer.run(command)"
    )
    assert done.returncode == 130
    assert done.stderr == "litteragpt: stopped by Ctrl-C\n"
