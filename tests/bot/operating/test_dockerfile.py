"""The Dockerfile and .dockerignore, without a build; test_image.py builds and runs the image."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch

import pytest

from bot.cli import run
from bot.settings.env_file import environment_names
from bot.settings.names import SECRET_ENDINGS
from tests.bot.operating.dockerfile import TEXT, Stage, read_stages
from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("bot", "model", "training", "checkpoints")
PATTERNS = [
    line
    for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
ALLOWED = {pattern[1:] for pattern in PATTERNS if pattern.startswith("!")}


@pytest.fixture(scope="module")
def building() -> Stage:
    return read_stages()[0]


@pytest.fixture(scope="module")
def image() -> Stage:
    return read_stages()[-1]


def test_copied_sources_are_in_the_context(building: Stage, image: Stage) -> None:
    assert set(building.copied()) == ALLOWED
    assert image.copied() == []
    for source in building.copied():
        assert (REPOSITORY / source).exists(), source


def test_every_package_is_copied(building: Stage) -> None:
    included = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in included} == set(PACKAGES)
    assert set(PACKAGES) <= set(building.copied())


def test_every_package_file_is_installed() -> None:
    (data,) = PROJECT["tool"]["setuptools"]["package-data"].values()
    (kernel,) = PROJECT["tool"]["setuptools"]["ext-modules"]
    sources = {REPOSITORY / name for name in (*kernel["sources"], *kernel["depends"])}
    ignored = [pattern.rpartition("/")[2] for pattern in PATTERNS if pattern.startswith("**/")]
    for package in PACKAGES:
        for each in (REPOSITORY / package).rglob("*"):
            parts = each.relative_to(REPOSITORY).parts
            if any(fnmatch(part, pattern) for part in parts for pattern in ignored):
                continue
            if each.is_file() and each not in sources:
                assert any(fnmatch(each.name, pattern) for pattern in ("*.py", *data)), each


def test_context_excludes_everything_else() -> None:
    assert PATTERNS[0] == "*"
    assert {*PACKAGES, "pyproject.toml", "constraints.txt", "README.md", "LICENSE"} == ALLOWED
    last_allowed = max(PATTERNS.index(f"!{each}") for each in ALLOWED)
    assert set(PATTERNS[last_allowed + 1 :]) == {"**/__pycache__", "**/*.so", "**/.env"}


def test_image_runs_the_bot_without_root(image: Stage) -> None:
    (who,) = image.values("USER")
    user, _, group = who.partition(":")
    assert int(user) == int(group) >= 1000
    assert image.command("ENTRYPOINT") == ["litteragpt"]
    assert image.command("CMD") == ["bot"]
    assert image.command("HEALTHCHECK") == ["litteragpt", "health"]
    assert image.values("STOPSIGNAL") == ["SIGTERM"]
    assert image.values("VOLUME") == [image.pairs("ENV")["LITTERAGPT_STATE_DIR"]]
    for command in (image.command("CMD"), image.command("HEALTHCHECK")[1:]):
        assert run([*command, "--help"]) == 0


def test_settings_exist_and_none_is_a_secret(building: Stage, image: Stage) -> None:
    ours = {name for name in image.pairs("ENV") if name.startswith("LITTERAGPT_")}
    assert "LITTERAGPT_METRICS_PORT" in ours  # the port of the health check
    assert "LITTERAGPT_METRICS_HOST" not in ours  # so it listens inside the container only
    assert ours <= set(environment_names().values())
    stages = (building, image)
    named = {name for stage in stages for name in (*stage.pairs("ENV"), *stage.pairs("ARG"))}
    assert not [name for name in named if name.endswith(SECRET_ENDINGS)]
    assert "://" not in TEXT  # indexes come as build arguments or secrets


def test_labels_match_the_package(image: Stage) -> None:
    labels = {name.rpartition(".")[2]: value for name, value in image.pairs("LABEL").items()}
    project = PROJECT["project"]
    assert labels["version"] == project["version"]
    assert labels["description"] == project["description"]
    assert labels["licenses"] == project["license"]


def test_build_arguments_precede_the_install(building: Stage) -> None:
    names = [
        value.partition("=")[0] if name == "ARG" else "install"
        for name, value in building.instructions
        if name == "ARG" or (name == "RUN" and "/pip " in value)
    ]
    assert names == ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "EXTRAS", "install"]
    assert TEXT.count("FROM ${BASE}") == len(read_stages())


def test_pytorch_is_optional(building: Stage) -> None:
    assert building.pairs("ARG")["EXTRAS"] == ""
    assert "torch" in PROJECT["project"]["optional-dependencies"]
    assert not [each for each in PROJECT["project"]["dependencies"] if each.startswith("torch")]
