"""What a check found: a sentence, and for a trouble the remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

from bot.net.platform_api import UnreachableError
from bot.texts import SPANISH, say

# Of the columns with the grades and the names of parts, and where the texts begin.
GRADE_WIDTH, WIDTH = 5, 12
HANG = GRADE_WIDTH + WIDTH + 4


class Grade(StrEnum):
    """How bad it is: only a PROBLEM keeps the bot from serving as it should."""

    GOOD = "bien"
    WARNING = "aviso"
    PROBLEM = "mal"


@dataclass(frozen=True)
class Finding:
    """part: what was looked at, in a word; remedy: what to do about it, nothing for a good one."""

    part: str
    grade: Grade
    text: str
    remedy: str = ""


def good(part: str, key: str, /, **values: object) -> Finding:
    """All is well: the text called `key`."""
    return Finding(part, Grade.GOOD, say(key, SPANISH, **values))


def warning(part: str, key: str, /, **values: object) -> Finding:
    """Worth a look: the text called `key`, and its remedy, called `key`_remedy."""
    return Finding(
        part, Grade.WARNING, say(key, SPANISH, **values), say(f"{key}_remedy", SPANISH, **values)
    )


def problem(part: str, key: str, /, **values: object) -> Finding:
    """In the way: texts as for `warning`."""
    return Finding(
        part, Grade.PROBLEM, say(key, SPANISH, **values), say(f"{key}_remedy", SPANISH, **values)
    )


def unanswered(part: str, platform: str, error: Exception) -> Finding:
    """A platform that could not be asked, or whose answer makes no sense."""
    values = {"platform": platform, "setting": f"{platform.upper()}_API_BASE"}
    if isinstance(error, UnreachableError):
        return problem(part, "doctor_unreachable", reason=error, **values)
    return problem(part, "doctor_strange", **values)


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing is in the way."""
    return all(finding.grade is not Grade.PROBLEM for finding in findings)


def as_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings for people, and a summary."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.grade:<{GRADE_WIDTH}}  {finding.part:<{WIDTH}}  {finding.text}")
        if finding.remedy:
            lines.append(" " * HANG + say("doctor_remedy", remedy=finding.remedy))
    problems, warnings = (
        sum(finding.grade is grade for finding in findings)
        for grade in (Grade.PROBLEM, Grade.WARNING)
    )
    key = "doctor_well" if not problems else "doctor_unwell"
    return [*lines, "", say(key, problems=problems, warnings=warnings)]


def as_json(findings: Sequence[Finding]) -> str:
    """The object that `--json` prints."""
    content = {
        "bien": is_well(findings),
        "version": version("litteragpt"),
        "comprobaciones": [
            {
                "parte": finding.part,
                "estado": finding.grade,
                "texto": finding.text,
                "remedio": finding.remedy,
            }
            for finding in findings
        ],
    }
    return json.dumps(content, ensure_ascii=False)
