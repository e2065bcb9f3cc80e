"""The instructions of the Dockerfile, read without building it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "Dockerfile").read_text("utf-8")


@dataclass(frozen=True)
class Stage:
    """The instructions from one FROM to the next, as pairs of name and value."""

    instructions: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        return [value for each, value in self.instructions if each == name]

    def words(self, name: str) -> list[str]:
        """The values of an instruction, split as a shell splits them."""
        return [word for value in self.values(name) for word in shlex.split(value)]

    def pairs(self, name: str) -> dict[str, str]:
        """NAME=value pairs of ENV, ARG or LABEL; an ARG without a default has an empty value."""
        parts = (word.partition("=") for word in self.words(name))
        return {key: value for key, _, value in parts}

    def command(self, name: str) -> list[str]:
        """The list in brackets of ENTRYPOINT, CMD or HEALTHCHECK."""
        (value,) = self.values(name)
        command: list[str] = json.loads(value[value.index("[") :])
        return command

    def copied(self) -> list[str]:
        """The sources that COPY takes from the build context."""
        copies = [value.split() for value in self.values("COPY")]
        return [source for each in copies if "--from" not in each[0] for source in each[:-1]]


def read_stages() -> list[Stage]:
    """The stages in order; the last one is the image."""
    lines = (line for line in TEXT.splitlines() if not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    stages: list[Stage] = []
    for name, _, value in (line.partition(" ") for line in whole if line):
        if name == "FROM":
            stages.append(Stage([]))
        elif stages:
            stages[-1].instructions.append((name, value))
    return stages
