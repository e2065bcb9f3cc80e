"""A request and its answer as a plain chat, of no platform's looks."""

from __future__ import annotations

from collections.abc import Sequence

from docs.generate.pictures.conversations import Shown
from docs.generate.pictures.drawing import SANS, Line, Run, box, document, set_lines, text, width_of

WIDTH = 360.0
EDGE, PADDING, GAP = 14.0, 12.0, 8.0
SIZE, LEADING = 15.0, 21.0
SMALL, TALL = 13.0, 32.0  # the type of labels, and how tall a button is
HEAD = 34.0
# Room above and below, where pictures stand on each other, and a height for those side by side.
AROUND, LEAST_HEIGHT = 3.0, 264.0
LIGHT = {
    "ground": "#f3f1ec",
    "rim": "#d6d1c6",
    "theirs": "#ffffff",
    "ours": "#e2dccd",
    "ink": "#26221c",
    "faint": "#6a6357",
    "button": "#e9e4d8",
}
DARK = {
    "ground": "#1d1b19",
    "rim": "#4a453e",
    "theirs": "#2b2825",
    "ours": "#454034",
    "ink": "#f0ebe1",
    "faint": "#b0a799",
    "button": "#3a3630",
}
STYLES = f"""
text {{ font: {SIZE:g}px {SANS}; fill: var(--ink); }}
.bold {{ font-weight: bold; }}
.small {{ font-size: {SMALL:g}px; fill: var(--faint); }}
.label {{ font-size: {SMALL:g}px; }}
.ground {{ fill: var(--ground); stroke: var(--rim); }}
.rim {{ fill: var(--rim); }}
.theirs {{ fill: var(--theirs); }}
.ours {{ fill: var(--ours); }}
.button {{ fill: var(--button); }}
"""


class _Sheet:
    """A picture that grows downwards."""

    def __init__(self, head: str) -> None:
        self.parts = [_small(head, EDGE, 22.5, bold=True), box(0, HEAD, WIDTH, 1, "rim")]
        self.y = HEAD + EDGE

    def bubble(self, lines: Sequence[Line], kind: str, *, right: bool = False) -> None:
        """Lines in a bubble, at the left or at the right."""
        width = max(line.width for line in lines) + 2 * PADDING
        height = len(lines) * LEADING + 2 * GAP
        x = WIDTH - EDGE - width if right else EDGE
        self.parts.append(box(x, self.y, width, height, kind, 12))
        for number, line in enumerate(lines):
            baseline = self.y + GAP + 0.74 * LEADING + number * LEADING
            self.parts.append(text(line, x + PADDING, baseline, kind + "-text"))
        self.y += height + GAP

    def note(self, words: str) -> None:
        """A small line."""
        self.parts.append(_small(words, EDGE + 2, self.y + SMALL))
        self.y += SMALL + GAP + 3

    def buttons(self, labels: Sequence[str], room: float | None) -> None:
        """A row of buttons: as wide as their labels, or together as wide as `room`."""
        x = EDGE
        for label in labels:
            wide = width_of(label, SMALL)
            width = wide + 24 if room is None else (room - 6 * (len(labels) - 1)) / len(labels)
            self.parts.append(box(x, self.y, width, TALL, "button", 8))
            middle = Line((Run(label),), wide)
            self.parts.append(text(middle, x + (width - wide) / 2, self.y + 20.5, "label"))
            x += width + 6
        self.y += TALL + 6

    def document(self, title: str) -> str:
        """The picture."""
        height = max(self.y + EDGE - 6, LEAST_HEIGHT)
        ground = box(0.5, 0.5, WIDTH - 1, height - 1, "ground", 10)
        parts = [f'<g transform="translate(0 {AROUND:g})">', ground, *self.parts, "</g>"]
        return document(WIDTH, height + 2 * AROUND, title, parts, LIGHT, DARK, STYLES)


def draw_discord(shown: Shown) -> str:
    """An answer in a channel: who asked stands above it, buttons are as wide as their labels."""
    sheet = _Sheet("Discord · #general")
    sheet.note(f"Ana ha usado {shown.asked}")
    sheet.bubble(_answer(shown), "theirs")
    for row in shown.buttons:
        sheet.buttons(row, None)
    return sheet.document(_said("Discord", shown))


def draw_telegram(shown: Shown) -> str:
    """An answer in a private chat: a bubble for each, buttons as wide as the message."""
    sheet = _Sheet("Telegram · LitteraGPT")
    room = WIDTH - 2 * EDGE
    sheet.bubble(set_lines([Run(shown.asked)], SIZE, 0.8 * room), "ours", right=True)
    sheet.bubble(_answer(shown), "theirs")
    for row in shown.buttons:
        sheet.buttons(row, room)
    return sheet.document(_said("Telegram", shown))


def _answer(shown: Shown) -> list[Line]:
    runs = [Run(shown.phrase, bold=True), Run(shown.continuation)]
    return set_lines(runs, SIZE, WIDTH - 2 * EDGE - 2 * PADDING)


def _small(words: str, x: float, baseline: float, *, bold: bool = False) -> str:
    line = Line((Run(words, bold),), width_of(words, SMALL, bold=bold))
    return text(line, x, baseline, "small")


def _said(platform: str, shown: Shown) -> str:
    labels = ", ".join(label for row in shown.buttons for label in row)
    return f"{platform}: {shown.asked} → {shown.phrase}{shown.continuation} [{labels}]"
