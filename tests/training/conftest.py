"""Data sets that the tests of `training` share, and the operators' commands as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.conftest import SHARED_CORPUS
from tests.training.editions import write_editions
from training.cli import app
from training.data.corpus import Corpus, build


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up editions of the five works."""
    return write_editions(tmp_path_factory.mktemp("editions"))


@pytest.fixture(scope="session")
def corpus_folder(editions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `reference` data set built from them."""
    folder = tmp_path_factory.mktemp("built") / "reference"
    build("reference", editions, lambda work: None).save(folder)
    return folder


@pytest.fixture(scope="session")
def corpus(corpus_folder: Path) -> Corpus:
    """The same, loaded."""
    return Corpus.load(corpus_folder)


@pytest.fixture(scope="session")
def real_texts() -> Path:
    """The folder of the real texts, where the machine has them."""
    if not (SHARED_CORPUS / "gutenberg").is_dir():
        pytest.skip(f"the real texts are not here ({SHARED_CORPUS})")
    return SHARED_CORPUS


@pytest.fixture(scope="session")
def real_reference(real_texts: Path) -> Corpus:
    """`reference` built from the real texts."""
    return build("reference", real_texts, lambda work: None)


@pytest.fixture(scope="session")
def real_five_works(real_texts: Path) -> Corpus:
    """`five-works` built from the real texts."""
    return build("five-works", real_texts, lambda work: None)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run `litteragpt ARGUMENTS`."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def refused(run: Callable[..., Result]) -> Callable[..., str]:
    """Run a command that must fail with one sentence and exit code 1; returns the sentence."""

    def invoke(*arguments: object) -> str:
        result = run(*arguments)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit), "a traceback, not a sentence"
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        return result.stderr.strip()

    return invoke
