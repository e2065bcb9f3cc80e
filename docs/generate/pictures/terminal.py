"""A command and its output in a pseudo-terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

from docs.generate.pictures import surroundings
from docs.generate.pictures.drawing import MONOSPACE, Line, Run, box, document, text
from tests.bot.programs import PROGRAM

COLUMNS = 60
SIZE, ADVANCE, LEADING = 14.0, 8.4, 21.0  # pixels: of the type, of a character, of a line
EDGE, BAR = 20.0, 34.0
TYPING, PAUSE, APART = 1.6, 0.5, 0.12  # seconds
# A terminal is dark for most people, by day too.
COLOURS = {
    "ground": "#1c1b22",
    "rim": "#6e6a78",
    "ink": "#ece7db",
    "faint": "#a8a2b3",
    "prompt": "#8fcf9f",
    "light": "#56525f",
}
# Viewers without animation show the end.
STYLES = f"""
text {{ font: {SIZE:g}px {MONOSPACE}; fill: var(--ink); }}
.ground {{ fill: var(--ground); stroke: var(--rim); }}
.light {{ fill: var(--light); }}
.prompt {{ fill: var(--prompt); }}
.title {{ fill: var(--faint); text-anchor: middle; font-size: 12px; }}
@media (prefers-reduced-motion: no-preference) {{
.typed {{ animation: type {TYPING}s steps(COUNT) both; }}
.printed {{ animation: appear 0.01s both; }}
}}
@keyframes type {{ from {{ clip-path: inset(0 100% 0 0); }} to {{ clip-path: inset(0); }} }}
@keyframes appear {{ from {{ opacity: 0; }} }}
"""


def run_in_terminal(arguments: Sequence[str], folder: Path) -> list[str]:
    """The lines that a command shows in a terminal of `COLUMNS`. Raises CalledProcessError."""
    screen, inside = os.openpty()
    termios.tcsetwinsize(inside, (24, COLUMNS))
    try:
        subprocess.run(
            [*PROGRAM, *arguments],
            env=surroundings(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=inside,
            stderr=inside,
            check=True,
        )
        # A few lines, which the terminal keeps until they are read.
        return os.read(screen, 65536).decode().splitlines()
    finally:
        os.close(inside)
        os.close(screen)


def draw_terminal(arguments: Sequence[str], printed: Sequence[str]) -> str:
    """The picture of a command being typed, and of its output."""
    command = "litteragpt " + " ".join(map(_quoted, arguments))
    width = 2 * EDGE + (COLUMNS + 2) * ADVANCE
    baseline = BAR + LEADING
    parts = [box(0.5, 0.5, width - 1, _height(printed) - 1, "ground", 8)]
    parts += [f'<circle class="light" cx="{EDGE + 18 * n:g}" cy="18" r="5.5"/>' for n in range(3)]
    parts.append(text(_line("$"), EDGE, baseline, "prompt"))
    parts.append(text(_line(command), EDGE + 2 * ADVANCE, baseline, "typed"))
    for number, shown in enumerate(printed):
        delay = TYPING + PAUSE + number * APART
        baseline += LEADING
        line = text(_line(shown), EDGE, baseline, "printed")
        parts.append(line.replace("<text ", f'<text style="animation-delay: {delay:.2f}s" ', 1))
    styles = STYLES.replace("COUNT", str(len(command)))
    said = f"$ {command}\n" + " ".join(printed)
    return document(width, _height(printed), said, parts, COLOURS, COLOURS, styles)


def _height(printed: Sequence[str]) -> float:
    return BAR + (len(printed) + 1) * LEADING + EDGE


def _line(shown: str) -> Line:
    return Line((Run(shown),), len(shown) * ADVANCE)


def _quoted(argument: str) -> str:
    return shlex.quote(argument).replace("'", '"')
