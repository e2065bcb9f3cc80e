"""The two READMEs say the same commands, and the commands exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bot.settings import environment_names
from tests.conftest import REPOSITORY

SPANISH = (REPOSITORY / "README.md").read_text("utf-8")
ENGLISH = (REPOSITORY / "README.en.md").read_text("utf-8")


def shell_lines(readme: str) -> list[str]:
    """Every line of a shell block, answers included."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", readme, re.S)
    return [line for block in blocks for line in block.splitlines()]


def table_commands(readme: str) -> list[str]:
    """The first column of the tables of commands."""
    return re.findall(r"^\| `([^`]+)` \|", readme, re.M)


def test_both_languages_show_the_same_commands() -> None:
    assert shell_lines(SPANISH) == shell_lines(ENGLISH)
    assert table_commands(SPANISH) == table_commands(ENGLISH)
    spanish, english = (set(re.findall(r"\]\(([^)]+)\)", text)) for text in (SPANISH, ENGLISH))
    assert spanish ^ english == {"README.md", "README.en.md"}


def test_links_lead_to_files() -> None:
    for text in (SPANISH, ENGLISH):
        for target in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (REPOSITORY / target).exists(), target


@pytest.mark.timeout(120)
def test_every_command_of_the_table_exists() -> None:
    commands = [line for line in table_commands(SPANISH) if line.startswith("litteragpt ")]
    assert len(commands) == 15
    for line in commands:
        words = [word for word in line.split()[1:3] if word.islower() and word.isalpha()]
        done = subprocess.run(
            [sys.executable, "-c", "from bot.cli import main; main()", *words, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        for option in re.findall(r"--[a-z]+", line):
            assert option in done.stdout


def test_every_option_of_escribe_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "escribe", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    options = set(re.findall(r"--[a-z]+", done.stdout)) - {"--help"}
    for readme in (SPANISH, ENGLISH):
        assert options <= set(re.findall(r"--[a-z]+", readme))


def test_settings_are_explained_where_the_readme_says() -> None:
    example = (REPOSITORY / ".env.example").read_text("utf-8")
    for name in environment_names().values():
        assert name in example
