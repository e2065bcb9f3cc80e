"""The Dockerfile, as far as it can be judged without building it; `make prove-image` builds it."""

from __future__ import annotations

import shutil
import tomllib
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

from bot.cli import run
from bot.settings.env_file import environment_names
from bot.settings.names import SECRET_ENDINGS
from deploy.proof.context import context_files, copy_into, matching
from deploy.proof.dockerfile import Copy, Run, Stage, UnknownStepError, read_stages
from deploy.proof.root import BASE_ENVIRONMENT, STAND_INS
from tests.conftest import REPOSITORY

DOCKERFILE = REPOSITORY / "Dockerfile"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("bot", "model", "training", "checkpoints")


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read_stages(DOCKERFILE, BASE_ENVIRONMENT)


@pytest.fixture(scope="module")
def image(stages: list[Stage]) -> Stage:
    """The stage that is the image."""
    return stages[-1]


@pytest.fixture(scope="module")
def context() -> set[PurePosixPath]:
    return context_files(REPOSITORY)


def read(tmp_path: Path, *lines: str) -> list[Stage]:
    """The stages of a Dockerfile of these lines."""
    (tmp_path / "Dockerfile").write_text("\n".join(lines) + "\n")
    return read_stages(tmp_path / "Dockerfile", {"PATH": "/bin"})


def test_what_is_copied_is_there(stages: list[Stage], context: set[PurePosixPath]) -> None:
    copies = [
        (number, action)
        for number, stage in enumerate(stages)
        for action in stage.actions
        if isinstance(action, Copy)
    ]
    assert len(copies) > 3
    for number, copy in copies:
        if copy.stage is not None:
            assert copy.stage in {stage.name for stage in stages[:number]}
            continue
        for source in copy.sources:
            assert matching(source, context), source


def test_every_package_is_copied_whole(stages: list[Stage], context: set[PurePosixPath]) -> None:
    copied = {
        source
        for action in stages[0].actions
        if isinstance(action, Copy)
        for source in action.sources
    }
    included = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in included} == set(PACKAGES) <= copied
    assert "checkpoints/small/model.safetensors" in map(str, context)


def test_every_file_of_a_package_is_installed(context: set[PurePosixPath]) -> None:
    (data,) = PROJECT["tool"]["setuptools"]["package-data"].values()
    (kernel,) = PROJECT["tool"]["setuptools"]["ext-modules"]
    sources = {*kernel["sources"], *kernel["depends"]}
    for package in PACKAGES:
        for each in matching(package, context):
            if (REPOSITORY / each).is_file() and str(each) not in sources:
                assert any(fnmatch(each.name, pattern) for pattern in ("*.py", *data)), each


def test_nothing_else_reaches_the_builder(tmp_path: Path, context: set[PurePosixPath]) -> None:
    assert {each.parts[0] for each in context} <= {
        *(*PACKAGES, "Dockerfile", ".dockerignore"),
        *("pyproject.toml", "constraints.txt", "README.md", "LICENSE"),
    }
    shutil.copy(REPOSITORY / ".dockerignore", tmp_path)
    kept = ["bot/cli.py", "checkpoints/small/config.json"]
    secret = [".env", "bot/.env", "state/litteragpt.db", ".git/config", "bot/__pycache__/cli.pyc"]
    for name in (*kept, *secret, "model/native/_kernel.so", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {str(each) for each in context_files(tmp_path) if (tmp_path / each).is_file()}
    assert found == {".dockerignore", *kept}


def test_it_is_nobody_special_and_its_program_is_process_1(image: Stage) -> None:
    user, _, group = image.user.partition(":")
    assert int(user) == int(group) >= 1000
    assert image.entrypoint == ("litteragpt",)
    assert image.command == ("bot",)
    assert image.health == ("litteragpt", "health")
    assert image.stop_signal == "SIGTERM"
    assert image.volumes == (image.environment["LITTERAGPT_STATE_DIR"],)
    for command in (image.command, image.health[1:]):
        assert run([*command, "--help"]) == 0


def test_its_settings_exist_and_none_is_a_secret(stages: list[Stage], image: Stage) -> None:
    ours = {name for name in image.environment if name.startswith("LITTERAGPT_")}
    assert "LITTERAGPT_METRICS_PORT" in ours  # what the health check asks
    assert "LITTERAGPT_METRICS_HOST" not in ours  # so nobody else can
    assert ours <= set(environment_names().values())
    named = {name for stage in stages for name in (*stage.environment, *stage.arguments)}
    assert not [name for name in named if name.endswith(SECRET_ENDINGS)]
    assert "://" not in DOCKERFILE.read_text("utf-8")  # addresses are for whoever builds to give


def test_its_labels_are_those_of_the_package(image: Stage) -> None:
    told = {name.rpartition(".")[2]: value for name, value in image.labels.items()}
    project = PROJECT["project"]
    assert told["version"] == project["version"]
    assert told["description"] == project["description"]
    assert told["licenses"] == project["license"]


def test_build_arguments_reach_the_steps() -> None:
    given = {"EXTRAS": "torch", "BASE": "some/image:1", "PIP_INDEX_URL": "https://packages.example"}
    building, image = read_stages(DOCKERFILE, BASE_ENVIRONMENT, given)
    assert building.base == image.base == "some/image:1"
    installs = [
        action
        for action in building.actions
        if isinstance(action, Run) and "/pip " in action.command[-1]
    ]
    for step in installs:
        assert step.environment["PIP_INDEX_URL"] == given["PIP_INDEX_URL"]
        assert step.environment["EXTRAS"] in PROJECT["project"]["optional-dependencies"]
    assert installs


def test_pytorch_is_left_out_unless_it_is_asked_for(stages: list[Stage]) -> None:
    assert stages[0].arguments["EXTRAS"] == ""
    assert not [each for each in PROJECT["project"]["dependencies"] if each.startswith("torch")]


def test_the_proof_knows_the_base(stages: list[Stage]) -> None:
    assert {stage.base for stage in stages} == set(STAND_INS)


@pytest.mark.parametrize(
    "line",
    [
        "EXPOSE 80",
        "ENV A=$B",
        "ENV A",
        "COPY --chown=1 a b",
        "COPY a",
        "RUN --mount=type=cache,target=/a true",
        "HEALTHCHECK NONE",
        'CMD ["bot"',
        "USER a b",
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UnknownStepError, match="line 2"):
        read(tmp_path, "FROM a", line)
    with pytest.raises(UnknownStepError, match="line 1"):
        read(tmp_path, line, "FROM a")


def test_steps_see_what_was_said_before_them(tmp_path: Path) -> None:
    first, last = read(
        tmp_path,
        "ARG RELEASE=1",
        "FROM base:$RELEASE AS made",
        "ARG RELEASE",
        "ARG UNSET",
        'ENV A="x y" PATH=/a:$PATH',
        "WORKDIR /src",
        "# a comment",
        "RUN one && \\",
        "    two",
        "ENV A=z",
        "WORKDIR below",
        'RUN ["three", "$A"]',
        "FROM base",
        "COPY --from=made /a /b",
    )
    one, three = first.actions
    assert isinstance(one, Run)
    assert isinstance(three, Run)
    assert (first.base, first.name, last.base) == ("base:1", "made", "base")
    assert one.environment == {"RELEASE": "1", "A": "x y", "PATH": "/a:/bin"}
    assert [one.folder, three.folder] == ["/src", "/src/below"]
    assert " ".join(one.command[-1].split()) == "one && two"
    assert (three.command, three.environment["A"]) == (("three", "$A"), "z")
    assert last.actions == [Copy(("/a",), "/b", "made", "/")]
    assert last.environment == {"PATH": "/bin"}


def test_copying_lays_things_where_a_builder_does(tmp_path: Path) -> None:
    origin, root = tmp_path / "origin", tmp_path / "root"
    for name in ("a.txt", "b.txt", "folder/inside/c.txt"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(name)
    files = {PurePosixPath(each.relative_to(origin)) for each in origin.rglob("*")}
    copy_into(Copy(("a.txt", "b.txt"), "./", None, "/src"), origin, files, root)
    copy_into(Copy(("folder",), "folder", None, "/src"), origin, files, root)
    copy_into(Copy(("a.txt",), "/etc/named", None, "/src"), origin, files, root)
    copy_into(Copy(("/src",), "/app", "made", "/"), root, None, root)
    laid = {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()}
    copied = {"a.txt", "b.txt", "folder/inside/c.txt"}
    wanted = {f"{folder}/{name}" for folder in ("src", "app") for name in copied}
    assert laid == wanted | {"etc/named"}
    with pytest.raises(FileNotFoundError):
        copy_into(Copy(("nothing",), "/", None, "/"), origin, files, root)
