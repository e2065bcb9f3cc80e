"""An installation without PyTorch, such as the slim image: the native kernel works, and features
that need PyTorch fail with one sentence."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from bot.cli import EXIT_CONFIG, EXIT_FAILURE
from bot.texts import explain
from model.errors import DeviceError
from model.native import library
from tests.bot.operating.watching import free_port
from tests.bot.programs import SECONDS, environment
from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(library.load() is None, reason="the kernel was not built"),
]

NO_TORCH = explain(DeviceError("no_torch"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with all installed packages and this checkout, but without torch."""
    folder = tmp_path_factory.mktemp("without-torch")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith(("torch", "functorch", "__editable__", "__pycache__")):
            (packages / each.name).symlink_to(each)
    (packages / "checkout.pth").write_text(f"{REPOSITORY}\n")
    return folder / "bin" / "python"


def litteragpt(
    python: Path, *arguments: str, settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [python, "-P", "-c", "from bot.cli import main; main()", *arguments],
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_generates_without_torch(python: Path, checkpoints: Path) -> None:
    settings = environment(checkpoints, device="auto")
    done = litteragpt(python, "escribe", "Era una noche", "--semilla", "1", settings=settings)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Era una noche")


@pytest.mark.parametrize("asked", [{"engine": "pytorch"}, {"device": "cuda"}])
def test_features_of_torch_fail_with_one_sentence(
    python: Path, checkpoints: Path, tmp_path: Path, asked: dict[str, str]
) -> None:
    settings = environment(checkpoints, state_dir=tmp_path / "state", web_port=free_port(), **asked)
    for command, code in ((["web"], EXIT_CONFIG), (["escribe", "Hola"], EXIT_FAILURE)):
        done = litteragpt(python, *command, settings=settings)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", NO_TORCH + "\n")


def test_doctor_accepts_missing_torch(python: Path, checkpoints: Path, tmp_path: Path) -> None:
    settings = environment(checkpoints, state_dir=tmp_path)
    done = litteragpt(python, "doctor", settings=settings)
    assert done.returncode == 0, done.stdout
    assert "torch" not in done.stdout
    assert "núcleo nativo" in done.stdout


def test_training_names_missing_package(python: Path, checkpoints: Path, tmp_path: Path) -> None:
    arguments = ["train", "--preset", "tiny", "--data", str(tmp_path), "--out", str(tmp_path / "a")]
    done = litteragpt(python, *arguments, settings=environment(checkpoints))
    assert done.returncode == EXIT_FAILURE
    assert done.stderr.splitlines() == [
        'litteragpt: torch is not installed; run: pip install "litteragpt[training]"'
    ]
