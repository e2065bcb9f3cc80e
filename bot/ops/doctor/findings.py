"""Findings of an examination, and their output as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

from bot.net.platform_api import UnreachableError
from bot.texts import SPANISH, say

# Widths of the grade and part columns, and the indent of texts, in characters.
GRADE_WIDTH, WIDTH = 5, 12
HANG = GRADE_WIDTH + WIDTH + 4


class Grade(StrEnum):
    """Severity. Only a PROBLEM prevents the bot from working properly."""

    GOOD = "bien"
    WARNING = "aviso"
    PROBLEM = "mal"


@dataclass(frozen=True)
class Finding:
    """One result of an examination.

    part: the subject, in a word.
    remedy: empty if the grade is GOOD."""

    part: str
    grade: Grade
    text: str
    remedy: str = ""


def good(part: str, key: str, /, **values: object) -> Finding:
    """A finding with the text `key`."""
    return Finding(part, Grade.GOOD, say(key, SPANISH, **values))


def warning(part: str, key: str, /, **values: object) -> Finding:
    """A finding with the texts `key` and `key`_remedy."""
    return Finding(
        part, Grade.WARNING, say(key, SPANISH, **values), say(f"{key}_remedy", SPANISH, **values)
    )


def problem(part: str, key: str, /, **values: object) -> Finding:
    """A finding with the texts `key` and `key`_remedy."""
    return Finding(
        part, Grade.PROBLEM, say(key, SPANISH, **values), say(f"{key}_remedy", SPANISH, **values)
    )


def unanswered(part: str, platform: str, error: Exception) -> Finding:
    """The finding for a platform that is unreachable or sent a malformed response."""
    values = {"platform": platform, "setting": f"{platform.upper()}_API_BASE"}
    if isinstance(error, UnreachableError):
        return problem(part, "doctor_unreachable", reason=error, **values)
    return problem(part, "doctor_strange", **values)


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether there is no problem."""
    return all(finding.grade is not Grade.PROBLEM for finding in findings)


def as_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings and a summary, for people."""
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
