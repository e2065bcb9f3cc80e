"""Text files in common formats become prose; files that are not text are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.editions import FOOTER, HEADER, prose
from training.data.cleaning import CorpusError
from training.data.own_text import read_prose

STORY = "—¿Quién anda ahí? —preguntó la señora.\n\nNadie contestó: llovía aún en la montaña.\n"
READ = "—¿Quién anda ahí? —preguntó la señora. Nadie contestó: llovía aún en la montaña."


def read(folder: Path, content: bytes | str) -> str:
    """The prose of a file with this content."""
    path = folder / "texto.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_prose(path)


def plain_prose() -> str:
    """Made-up prose of which no paragraph begins with what could begin a heading."""
    return prose("own", 3_000).replace("Libro", "Mesa")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_common_encoding_and_line_end_reads_the_same(
    encoding: str, line_end: str, tmp_path: Path
) -> None:
    text = STORY.replace("\n", line_end)
    if encoding in {"utf-16-le", "utf-16-be"}:
        text = "\ufeff" + text
    assert read(tmp_path, text.encode(encoding)) == READ


def test_latin_1_reads_the_same(tmp_path: Path) -> None:
    text = STORY.replace("—", "-")  # a typewriter's dash: Latin-1 has no other
    assert read(tmp_path, text.encode("latin-1")) == READ


@pytest.mark.parametrize(
    ("printed", "prose"),
    [
        ("Era una noche de in-\nvierno y llovía.", "Era una noche de invierno y llovía."),
        ("Era una noche de in\u00ad\nvierno y llovía.", "Era una noche de invierno y llovía."),
        ("Era una noche de in-\r\n   vierno y llovía.", "Era una noche de invierno y llovía."),
        # Both halves are words of this text: the hyphen is a dash.
        ("-Sí -dijo Juan-\ny calló. Juan y ella.", "—Sí —dijo Juan— y calló. Juan y ella."),
        ("Vino de San-\nTander a pie.", "Vino de San— Tander a pie."),
        (
            "Una línea que se\nparte en tres\nrenglones.",
            "Una línea que se parte en tres renglones.",
        ),
        # No blank line divides the paragraphs of this one.
        ("CAPÍTULO I\nEra tarde.\nLlovía.\n—Adiós.\nSe fue.", "Era tarde. Llovía. —Adiós. Se fue."),
        ("Era tarde.\f\n12\n\nLlovía.", "Era tarde. Llovía."),
    ],
)
def test_words_split_by_pages_are_joined(printed: str, prose: str, tmp_path: Path) -> None:
    assert read(tmp_path, printed) == prose


def test_licence_and_headings_are_left_out(tmp_path: Path) -> None:
    own = plain_prose()
    text = read(tmp_path, f"{HEADER}EL LIBRO\n\nI\n\n{own}\n\nCapítulo II\n\n{own}{FOOTER}")
    assert text == " ".join(f"{own} {own}".split())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b" \r\n\t\n", "the file is empty"),
        (b"%PDF-1.7\n...", "this is a PDF; save it as plain text"),
        (b"PK\x03\x04...", "a Word, LibreOffice or e-book file"),
        (b"{\\rtf1\\ansi hola}", "an RTF file"),
        (b"<!DOCTYPE html><p>Hola.", "a web page"),
        (STORY.encode("utf-16-le"), "no plain text; if it should be, save it as UTF-8"),
        (b"Era tarde.\0 Era tarde.", "no plain text; if it should be, save it as UTF-8"),
        (bytes(range(1, 256)) * 20, "too much in it is no text"),
    ],
)
def test_file_that_is_not_text_is_refused_by_name(
    content: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=said) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(str(tmp_path / "texto.txt"))


def test_a_stray_control_character_is_forgiven(tmp_path: Path) -> None:
    own = plain_prose()
    assert read(tmp_path, own + "\x1a") == " ".join(own.split())
