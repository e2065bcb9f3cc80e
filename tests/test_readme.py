"""Both READMEs show the same existing commands, and their links work."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bot.settings.env_file import environment_names
from docs.generate.commands import chat_commands
from tests.conftest import REPOSITORY

SPANISH = (REPOSITORY / "README.md").read_text("utf-8")
ENGLISH = (REPOSITORY / "README.en.md").read_text("utf-8")
# Pages that exist in both languages.
TRANSLATED = {
    "README.en.md": "README.md",
    "docs/inicio.md": "docs/index.md",
    "docs/ajustes.md": "docs/settings.md",
}


def shell_lines(readme: str) -> list[str]:
    """Every line of a shell block, including output."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", readme, re.S)
    return [line for block in blocks for line in block.splitlines()]


def table_commands(readme: str) -> list[str]:
    """The first column of the tables of commands."""
    return re.findall(r"^\| `([^`]+)` \|", readme, re.M)


def test_both_languages_show_same_commands() -> None:
    assert shell_lines(SPANISH) == shell_lines(ENGLISH)
    assert table_commands(SPANISH) == table_commands(ENGLISH)
    spanish, english = (set(re.findall(r"\]\(([^)]+)\)", text)) for text in (SPANISH, ENGLISH))
    assert {TRANSLATED.get(link, link) for link in spanish} == english


def headings(text: str) -> set[str]:
    """GitHub's anchors for the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M)
    words = (re.sub(r"[^\w\s-]", "", title.lower()) for title in titles)
    return {each.strip().replace(" ", "-") for each in words}


@pytest.mark.parametrize("name", ["README.md", "README.en.md", "CHANGELOG.md"])
def test_links_lead_to_files_and_headings(name: str) -> None:
    text = (REPOSITORY / name).read_text("utf-8")
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        path, _, heading = target.partition("#")
        linked = REPOSITORY / (path or name)
        assert linked.exists(), target
        if heading:
            assert heading in headings(linked.read_text("utf-8")), target


def test_table_has_every_chat_command() -> None:
    cells = re.findall(r"^\|([^|]+)\|", SPANISH, re.M)
    named = {name for cell in cells for name in re.findall(r"`/([a-z]+)", cell)}
    assert named == {*chat_commands(), "start"}  # Telegram starts chats with it


@pytest.mark.timeout(120)
def test_every_command_in_table_exists() -> None:
    commands = [line for line in table_commands(SPANISH) if line.startswith("litteragpt ")]
    assert len(commands) == 17
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


def test_names_every_option_of_escribe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "escribe", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    options = set(re.findall(r"--[a-z]+", done.stdout)) - {"--help"}
    for readme in (SPANISH, ENGLISH):
        assert options <= set(re.findall(r"--[a-z]+", readme))


def test_table_has_every_setting() -> None:
    for readme in (SPANISH, ENGLISH):
        assert set(environment_names().values()) <= set(table_commands(readme))
