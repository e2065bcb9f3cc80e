"""The README's pictures show what the program says today, and say it to those who do not see it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops

from docs.generate.pictures.__main__ import FOLDER, make
from docs.generate.pictures.drawing import Run, set_lines, width_of
from model.native.library import load
from tests.test_readme import ENGLISH, SPANISH

NAMES = ["terminal.svg", "discord.svg", "telegram.svg", "card.png"]
MOST_BYTES = 150_000


@pytest.mark.skipif(load() is None, reason="PyTorch writes other texts")
@pytest.mark.timeout(120)
def test_pictures_match_the_stored_ones(tmp_path: Path) -> None:
    make(tmp_path)
    for name in NAMES:
        made, kept = tmp_path / name, FOLDER / name
        if made.suffix == ".svg":
            assert made.read_text("utf-8") == kept.read_text("utf-8"), "run `make docs-pictures`"
        else:
            with Image.open(made) as one, Image.open(kept) as other:
                assert ImageChops.difference(one, other).getbbox() is None, (
                    "run `make docs-pictures`"
                )


def test_pictures_are_small_and_self_contained() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(NAMES)
    for path in FOLDER.iterdir():
        assert path.stat().st_size < MOST_BYTES
        if path.suffix == ".svg":
            drawing = path.read_text("utf-8")
            assert re.findall(r"(?:href|src|url|@import)[^\n]*", drawing) == []
            assert re.findall(r"https?:[^\"]*", drawing) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("readme", [SPANISH, ENGLISH], ids=["Spanish", "English"])
def test_alternative_texts_quote_the_pictures(readme: str) -> None:
    shown = dict(re.findall(r'<img src="docs/pictures/([^"]+)"[^>]*? alt="([^"]+)"', readme))
    assert sorted(shown) == sorted(NAMES)
    for name, alternative in shown.items():
        if name.endswith(".svg"):
            title = ElementTree.parse(FOLDER / name).getroot()[0].text  # noqa: S314 (our own)
            (text,) = re.findall(r"«(.+)»", alternative)
            assert text in (title or "")


def test_lines_are_no_wider_than_their_room_and_lose_no_word() -> None:
    runs = [Run("Una frase en negrita", bold=True), Run(", y lo que sigue. —¡Ñandú!")]
    for room in (60, 90, 200, 2000):
        lines = set_lines(runs, 15, room)
        assert all(line.width <= room for line in lines if len(line.runs) > 1)
        shown = " ".join("".join(run.text for run in line.runs) for line in lines)
        assert shown == "".join(run.text for run in runs)


def test_a_comma_does_not_begin_a_line() -> None:
    bold = Run("En un lugar", bold=True)
    room = width_of(bold.text, 15, bold=True) + 1
    first, second, *_ = set_lines([bold, Run(", de la Mancha")], 15, room)
    assert [first.runs[0].text, second.runs[0].text] == ["En un", "lugar"]
