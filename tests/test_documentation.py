"""The documentation matches the program."""

from __future__ import annotations

import re

import pytest
import typer

from bot.cli import all_commands
from bot.settings.settings import Settings
from bot.store.migrations import STEPS
from bot.texts import say
from bot.texts.settings import SECTIONS
from docs.generate.offline import fetched_from_elsewhere
from docs.generate.parts import EXAMPLE, PARTS, files
from tests.conftest import REPOSITORY
from training.ladder.markdown import MarkError, filled


def page(name: str) -> str:
    """A page of the documentation."""
    return (REPOSITORY / "docs" / name).read_text("utf-8")


def first_column(text: str) -> list[str]:
    """The code spans in the first column of all tables in a text."""
    cells = re.findall(r"^\|([^|]+)\|", text, re.M)
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("name", [EXAMPLE, *PARTS])
def test_generated_parts_are_current(name: str) -> None:
    assert (REPOSITORY / name).read_text("utf-8") == files()[name], "run `make tables`"


def test_every_setting_is_described_in_both_languages() -> None:
    meanings = [item for section in SECTIONS for item in section.settings.items()]
    assert sorted(name for name, _ in meanings) == sorted(Settings.model_fields)
    for name, meaning in meanings:
        for told in (meaning.spanish, meaning.english):
            assert told[0].isupper(), name
            assert not set(told) & set("|\n"), name


def test_finds_part_by_markers() -> None:
    text = "a\n<!-- x: make tables -->\nold\n<!-- end of x -->\nb\n"
    anew = filled(text, "x", "new\n")
    assert anew == "a\n<!-- x: make tables -->\n\nnew\n\n<!-- end of x -->\nb\n"
    assert filled(anew, "x", "new\n") == anew
    for broken in ("", text + text, text.replace("end of", "")):
        with pytest.raises(MarkError, match="end of x"):
            filled(broken, "x", "new\n")


def programs_commands() -> dict[str, set[str]]:
    """All commands of the command line with their options."""
    found = {}

    def visit(command: object, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", {})
        for name, each in below.items():
            visit(each, (*words, name))
        if not below:
            options = [param for param in command.params if param.param_type_name == "option"]
            spelled = {name for each in options for name in (*each.opts, *each.secondary_opts)}
            found[" ".join(words)] = spelled - {"--help"}

    visit(typer.main.get_command(all_commands()), ("litteragpt",))
    return found


def test_page_has_every_command_and_option() -> None:
    documented = {}
    for section in page("commands.md").split("\n### ")[1:]:
        if (command := re.match(r"`(litteragpt(?: [a-z]+)+)", section)) is not None:
            codes = first_column(section)
            documented[command[1]] = {code.split()[0] for code in codes if code.startswith("--")}
    assert documented == programs_commands()


def test_page_has_every_console_command() -> None:
    section = page("commands.md").partition("## In the terminal's chat")[2].partition("\n## ")[0]
    shown = [line.split()[0] for line in say("help", sentences=2).splitlines()]
    assert [code.split()[0] for code in first_column(section)] == shown


def test_contributing_has_every_make_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (targets,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.M)
    section = page("contributing.md").partition("## Set-up")[2].partition("\n## ")[0]
    assert sorted(first_column(section)) == sorted(f"make {name}" for name in targets.split())


def test_upgrading_has_every_store_version() -> None:
    section = page("upgrading.md").partition("## The store")[2].partition("\n## ")[0]
    versions = re.findall(r"^\| (\d+) \|", section, re.M)
    assert list(map(int, versions)) == list(range(1, len(STEPS) + 1))


def test_files_named_by_pages_exist() -> None:
    for path in sorted((REPOSITORY / "docs").glob("*.md")):
        named = re.findall(
            r"`((?:bot|model|training|tests|deploy|documentation)/[\w/.-]*)`",
            path.read_text("utf-8"),
        )
        for name in named:
            assert (REPOSITORY / name).exists(), (path.name, name)


def test_detects_external_resources() -> None:
    kept = '<a href="https://x.example">x</a><img src="a.svg"><link rel="canonical" href="//x">'
    assert fetched_from_elsewhere(kept) == []
    fetched = '<script src="https://x.example/a.js"></script><link rel="preload" href="//x/b.woff">'
    assert fetched_from_elsewhere(fetched) == ["https://x.example/a.js", "//x/b.woff"]
