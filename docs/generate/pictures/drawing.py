"""SVG of text: measured, broken into lines, and drawn as wide as it was measured.

A picture in a README can have no fonts of its own, so each line says how wide it is (`textLength`)
and looks alike in whichever font the reader's system has. The measure is Helvetica's, which
system fonts are close to. Colours follow the reader's light or dark mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import matplotlib
from fontTools.afmLib import AFM
from fontTools.agl import UV2AGL

SANS = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"
_METRICS = Path(matplotlib.get_data_path()) / "fonts" / "pdfcorefonts"
_UNKNOWN = 556  # of a character that the font lacks, in thousandths of its size


@dataclass(frozen=True)
class Run:
    """Words in one style: `bold` or not."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Line:
    """Runs beside each other, and their width in pixels."""

    runs: tuple[Run, ...]
    width: float


@cache
def _font(bold: bool) -> AFM:
    return AFM(_METRICS / ("Helvetica-Bold.afm" if bold else "Helvetica.afm"))


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Pixels that a text of one line takes in a sans-serif font of this size."""
    font = _font(bold)
    names = (UV2AGL.get(ord(character), "") for character in text)
    widths = (font[name][1] if name in font.chars() else _UNKNOWN for name in names)
    return sum(widths) * size / 1000


def set_lines(runs: Iterable[Run], size: float, room: float) -> list[Line]:
    """Break runs between words into lines that are at most `room` pixels wide."""
    lines: list[list[Run]] = []
    for first, *others in _words(runs):
        longer = [*lines[-1], Run(f" {first.text}", first.bold), *others] if lines else []
        if longer and _width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append([first, *others])
    return [_line(words, size) for words in lines]


def _words(runs: Iterable[Run]) -> list[list[Run]]:
    """Split into words. A word may have two styles, such as a bold word with a plain comma."""
    words: list[list[Run]] = []
    for run in runs:
        for number, piece in enumerate(run.text.split(" ")):
            if number or not words:
                words.append([])
            if piece:
                words[-1].append(Run(piece, run.bold))
    return [word for word in words if word]


def _width(runs: Iterable[Run], size: float) -> float:
    return sum(width_of(run.text, size, bold=run.bold) for run in runs)


def _line(words: Sequence[Run], size: float) -> Line:
    runs: list[Run] = []
    for word in words:
        if runs and runs[-1].bold == word.bold:
            word = Run(runs.pop().text + word.text, word.bold)
        runs.append(word)
    return Line(tuple(runs), _width(runs, size))


def text(line: Line, x: float, baseline: float, kind: str) -> str:
    """A line of text in the style of the class `kind`."""
    runs = "".join(
        f'<tspan class="bold">{escape(run.text)}</tspan>' if run.bold else escape(run.text)
        for run in line.runs
    )
    return (
        f'<text class="{kind}" x="{x:g}" y="{baseline:g}" textLength="{line.width:.1f}" '
        f'lengthAdjust="spacingAndGlyphs" xml:space="preserve">{runs}</text>'
    )


def box(x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> str:
    """A rectangle in the style of the class `kind`."""
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{radius:g}"/>'
    )


def document(
    width: float,
    height: float,
    title: str,
    parts: Iterable[str],
    light: Mapping[str, str],
    dark: Mapping[str, str],
    styles: str,
) -> str:
    """A whole picture. `light` and `dark` are the colours by name, which `styles` uses as
    `var(--name)`; `title` is for those who do not see it."""
    lines = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(title)}</title>",
        "<style>",
        f"svg {{ {_variables(light)} }}",
        f"@media (prefers-color-scheme: dark) {{ svg {{ {_variables(dark)} }} }}",
        styles.strip(),
        "</style>",
        *parts,
        "</svg>",
    )
    return "\n".join(lines) + "\n"


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
