"""A Dockerfile as a list of stages: what each does, and with what its container is started.

Only what a plain Dockerfile needs is known; anything else is refused, rather than half understood.
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dockerfile_parse import DockerfileParser
from dockerfile_parse.constants import COMMENT_INSTRUCTION
from dockerfile_parse.util import WordSplitter

_NAMES = re.compile(r"\$\{?(\w+)")


class UnknownStepError(Exception):
    """A line of a Dockerfile that is not understood; the text quotes it."""


@dataclass(frozen=True)
class Run:
    """A command for the stage's shell, or one without a shell."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    user: str


@dataclass(frozen=True)
class Copy:
    """Files for the stage. sources: in the context, or in the stage called `stage`."""

    sources: tuple[str, ...]
    target: str
    stage: str | None
    folder: str


@dataclass
class Stage:
    """One FROM and what follows it."""

    base: str
    name: str | None
    actions: list[Run | Copy] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    volumes: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    health_options: dict[str, str] = field(default_factory=dict)


def read_stages(
    path: Path, environment: Mapping[str, str], build_arguments: Mapping[str, str] | None = None
) -> list[Stage]:
    """The stages of a Dockerfile. environment: that of the images it is built from. Raises
    UnknownStepError."""
    given = dict(build_arguments or {})
    parser = DockerfileParser(fileobj=io.BytesIO(path.read_bytes()), env_replace=False)
    outside: dict[str, str] = {}
    stages: list[Stage] = []
    for each in parser.structure:
        instruction, value = each["instruction"], each["value"]
        if instruction == COMMENT_INSTRUCTION:
            continue
        try:
            if instruction == "FROM":
                stages.append(_begin(value, outside, environment))
            elif not stages:
                _argument(instruction, value, outside, given, {})
            else:
                _add(stages[-1], instruction, value, outside, given)
        except (ValueError, KeyError) as error:
            line = f"line {each['startline'] + 1}: {each['content'].strip()}"
            raise UnknownStepError(f"{line} ({error})") from error
    return stages


def _begin(value: str, outside: Mapping[str, str], environment: Mapping[str, str]) -> Stage:
    words = _words(value, outside)
    match words:
        case [base]:
            return Stage(base, None, environment=dict(environment))
        case [base, word, name] if word.lower() == "as":
            return Stage(base, name, environment=dict(environment))
    raise ValueError("expected FROM image [AS name]")


def _add(
    stage: Stage, instruction: str, value: str, outside: Mapping[str, str], given: dict[str, str]
) -> None:
    known = stage.arguments | stage.environment
    match instruction:
        case "ARG":
            _argument(instruction, value, stage.arguments, given, outside)
        case "ENV":
            stage.environment |= _assignments(value, known)
        case "LABEL":
            stage.labels |= _assignments(value, known)
        case "RUN":
            command = _command(value)
            stage.actions.append(Run(command, dict(known), stage.folder, stage.user))
        case "COPY":
            stage.actions.append(_copy(value, known, stage.folder))
        case "USER":
            (stage.user,) = _words(value, known)
        case "WORKDIR":
            (folder,) = _words(value, known)
            stage.folder = str(PurePosixPath(stage.folder) / folder)
        case "VOLUME":
            stage.volumes += tuple(_words(value, known))
        case "STOPSIGNAL":
            (stage.stop_signal,) = _words(value, known)
        case "ENTRYPOINT":
            stage.entrypoint = _command(value)
        case "CMD":
            stage.command = _command(value)
        case "HEALTHCHECK":
            options, stage.health = _health(value)
            stage.health_options |= options
        case _:
            raise ValueError("an instruction that is not known here")


def _argument(
    instruction: str,
    value: str,
    arguments: dict[str, str],
    given: Mapping[str, str],
    outside: Mapping[str, str],
) -> None:
    """Without a value from anywhere an argument is declared, and yet not in the environment."""
    if instruction != "ARG":
        raise ValueError("nothing but ARG may stand before FROM")
    name, equals, default = value.partition("=")
    if name in given:
        arguments[name] = given[name]
    elif equals:
        (arguments[name],) = _words(default, arguments) or [""]
    elif name in outside:
        arguments[name] = outside[name]


def _words(value: str, known: Mapping[str, str]) -> list[str]:
    """Words, without quotes and with variables filled in. Raises KeyError for one that is not
    known, which Docker would take for an empty one."""
    for name in _NAMES.findall(value):
        known[name]
    return [word for word in WordSplitter(value, envs=dict(known)).split() if word is not None]


def _assignments(value: str, known: Mapping[str, str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in _words(value, known)]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("expected NAME=value")
    return {name: assigned for name, _, assigned in pairs}


def _command(value: str) -> tuple[str, ...]:
    """A list in JSON as it is, and anything else for the shell."""
    if value.startswith("["):
        return tuple(map(str, json.loads(value)))
    if value.startswith("--"):
        raise ValueError("options of RUN are not known here")
    return ("/bin/sh", "-c", value)


def _options(value: str) -> tuple[dict[str, str], str]:
    """The options `--name=value` at the beginning, and the rest."""
    options = {}
    while found := re.match(r"--([a-z-]+)=(\S+)\s+", value):
        options[found[1]] = found[2]
        value = value[found.end() :]
    return options, value


def _copy(value: str, known: Mapping[str, str], folder: str) -> Copy:
    options, rest = _options(value)
    if options.keys() - {"from"}:
        raise ValueError("options of COPY other than --from are not known here")
    *sources, target = _words(rest, known)
    if not sources:
        raise ValueError("expected COPY source... target")
    return Copy(tuple(sources), target, options.get("from"), folder)


def _health(value: str) -> tuple[dict[str, str], tuple[str, ...]]:
    options, rest = _options(value)
    word, _, command = rest.partition(" ")
    if word != "CMD":
        raise ValueError("expected HEALTHCHECK [options] CMD command")
    return options, _command(command.strip())
