"""Renders a card: one page as tall as its text, in the Fell types of the seventeenth century.

The phrase is red, as chapter beginnings were, with a drop capital of three lines. Text is rendered
at twice the size and scaled down, so that widths are exact to half a pixel."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.card.layout import Line, set_lines
from bot.requests.job import Answer
from bot.texts import SPANISH, say
from bot.texts.formatting import author
from model.text.normalize import nearest, normalize
from model.text.sentences import split_sentences

FONTS = Path(__file__).parent / "fonts"
ROMAN, ITALIC = "fell.woff", "fell-italic.woff"

PAPER, INK, RED = "#f5ebd6", "#2a2019", "#8f2a1c"
RULES, COLOPHON = "#a08c68", "#6b5840"
OVERSAMPLING = 2
# Pixels of the final picture.
WIDTH = 1200
LEAST_HEIGHT = 1200
EDGE, FRAME, MARGIN = 44, 12, 150
HEAD, BODY, FOOT = 150, 262, 250  # baseline of the head, top of the text, space below it
# Font sizes, each with the maximum page height for its use; the largest size that fits is used.
SIZES = (
    *((size, LEAST_HEIGHT) for size in (78, 68)),
    *((size, 1500) for size in range(58, 39, -3)),
    *((size, 2000) for size in range(40, 27, -2)),
)
LEADING = 1.34
# Height of the drop capital; shorter texts have none.
CAP_LINES = 3
# The minimum fraction of the column beside a drop capital; narrower columns have none.
LEAST_BESIDE = 0.65
# Spaces shrink: a text takes at least this fraction of its natural width.
TIGHTEST = 0.9
# An upper bound for the text of any page, to limit the work.
MOST_CHARACTERS = 6_000
CUT = " [...]"

# The characters of the fonts: printable Latin-1 and a few more.
_UNWRITABLE = re.compile(r"[^ -~\u00a1-\u00ac\u00ae-\u00ffŒœ–—‘’‚“”„‹›]")
_CAPITAL = re.compile(r"([«¡¿—]{0,2})([^\W\d_])")


@dataclass(frozen=True)
class Card:
    """The content of a picture: a phrase, its continuation, the style and the seed."""

    phrase: str
    continuation: str
    style: str | None
    seed: int
    checkpoint: str

    def alternative(self) -> str:
        """The text, for use as alternative text of the picture."""
        return self.phrase + self.continuation


def card_of(answer: Answer) -> Card:
    """The card for an answer."""
    result = answer.result
    return Card(answer.phrase, answer.continuation, result.style, result.seed, result.checkpoint)


def draw_card(card: Card, language: str = SPANISH) -> bytes:
    """Render a PNG file. Takes tenths of a second; do not call in an event loop."""
    return _Page(*_written(card)).drawn(card, language)


def _written(card: Card) -> tuple[str, int]:
    """The text in characters of the fonts, and the length of its phrase."""
    phrase = _writable(card.phrase)
    text = _writable(card.phrase + card.continuation)
    return text, len(phrase) if text.startswith(phrase) else 0


def _writable(text: str) -> str:
    plain = normalize(text[: 2 * MOST_CHARACTERS])
    kept = _UNWRITABLE.sub(lambda found: _UNWRITABLE.sub("", nearest(found[0])), plain)
    return normalize(kept)[:MOST_CHARACTERS]


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size of the final picture."""
    # The basic layout engine gives the same result everywhere; the other one depends on a system
    # library.
    return ImageFont.truetype(
        FONTS / name, size * OVERSAMPLING, layout_engine=ImageFont.Layout.BASIC
    )


def _measure(text: str) -> float:
    """Approximate width in ems, without kerning, which is small and mostly narrows the text."""
    return sum(map(_advance, text))


@cache
def _advance(character: str) -> float:
    size = 500
    return _font(ROMAN, size).getlength(character) / (size * OVERSAMPLING)


@dataclass(frozen=True)
class _Capital:
    """The drop capital; punctuation before it has the size of the text.

    left: offset from the edge of the column.
    rise: distance of its baseline above that of the last line beside it.
    indent: reduction of the width of the lines beside it."""

    marks: str
    letter: str
    font: ImageFont.FreeTypeFont
    left: float
    rise: float
    indent: float

    @classmethod
    def of(cls, text: str, size: int) -> _Capital | None:
        """The drop capital for a text; None unless it begins with a letter."""
        found = _CAPITAL.match(text)
        if found is None:
            return None
        marks, letter = found[1], found[2].upper()
        small = _font(ROMAN, size)
        top = -small.getbbox("E", anchor="ls")[1]
        height = (CAP_LINES - 1) * _leading(size) + top
        # A letter with a descender (J, Q) stands on it; otherwise it would reach into the next
        # line.
        bottom = max(0, small.getbbox(letter, anchor="ls")[3])
        font = _font(ROMAN, round(size * height / (top + bottom)))
        left, _, right, deep = font.getbbox(letter, anchor="ls")
        beside = small.getlength(marks)
        gap = 0.16 * size * OVERSAMPLING
        return cls(marks, letter, font, beside - left, max(0, deep), beside + right - left + gap)

    @property
    def length(self) -> int:
        """Number of characters that it replaces."""
        return len(self.marks) + len(self.letter)


def _leading(size: int) -> int:
    """Distance between baselines, in pixels of the rendering."""
    return round(LEADING * size) * OVERSAMPLING


@dataclass(frozen=True)
class _Setting:
    """A text broken into lines at a font size. With a drop capital, `lines` begin after it."""

    text: str
    size: int
    capital: _Capital | None
    lines: list[Line]

    @classmethod
    def of(cls, text: str, size: int) -> _Setting:
        """Lay out a text; too short a text has no drop capital."""
        column = (WIDTH - 2 * MARGIN) / size
        capital = _Capital.of(text, size)
        if capital is not None:
            beside = column - capital.indent / (size * OVERSAMPLING)
            widths = [beside] * CAP_LINES + [column]
            lines = set_lines(text[capital.length :], widths, _measure)
            if len(lines) > CAP_LINES and beside > LEAST_BESIDE * column:
                return cls(text, size, capital, lines)
        return cls(text, size, None, set_lines(text, [column], _measure))

    @property
    def height(self) -> int:
        """Total height of the lines, in pixels of the final picture."""
        return len(self.lines) * _leading(self.size) // OVERSAMPLING

    @property
    def page(self) -> int:
        """Height of a page with these lines."""
        return max(LEAST_HEIGHT, BODY + self.height + FOOT)


def _fitting(text: str) -> _Setting:
    """The text at the largest size that fits; at the smallest size, the sentences that fit."""
    width = _measure(text)
    for size, tallest in SIZES:
        # A lower bound on the lines rules out most sizes without laying out the text.
        lines = TIGHTEST * width * size / (WIDTH - 2 * MARGIN)
        if BODY + FOOT + lines * LEADING * size > tallest:
            continue
        setting = _Setting.of(text, size)
        if setting.page <= tallest:
            return setting
    size, tallest = SIZES[-1]
    setting = _Setting.of(text, size)
    if setting.page <= tallest:
        return setting
    return _Setting.of(_shortened(setting, tallest), size)


def _shortened(setting: _Setting, tallest: int) -> str:
    most = (tallest - BODY - FOOT) * OVERSAMPLING // _leading(setting.size)
    end = setting.lines[most - 1][0].start
    sentences = split_sentences(setting.text[:end])
    whole = " ".join(sentences[:-1])
    return (whole or setting.text[:end].rpartition(" ")[0]) + CUT


class _Page:
    """A page during rendering; all measures are in pixels of the rendering."""

    def __init__(self, text: str, phrase: int) -> None:
        self._setting = _fitting(text)
        self._phrase = phrase
        self._height = self._setting.page
        size = (WIDTH * OVERSAMPLING, self._height * OVERSAMPLING)
        self._image = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def drawn(self, card: Card, language: str) -> bytes:
        """Render the page as a PNG file."""
        self._draw_frame()
        self._draw_head(_manner(card.style, language))
        self._draw_text()
        colophon = say("card_colophon", language, seed=card.seed, checkpoint=card.checkpoint)
        self._draw_colophon(colophon)
        picture = self._image.reduce(OVERSAMPLING)
        # All colours lie between paper and ink, so a palette keeps the file small.
        picture = picture.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True)
        return file.getvalue()

    def _draw_frame(self) -> None:
        for inset, thickness in ((EDGE, 3), (EDGE + FRAME, 1)):
            box = (inset, inset, WIDTH - inset - 1, self._height - inset - 1)
            scaled = [OVERSAMPLING * side for side in box]
            self._draw.rectangle(scaled, outline=RULES, width=thickness * OVERSAMPLING)

    def _draw_head(self, manner: str) -> None:
        self._centre(manner, HEAD, _font(ITALIC, 38), INK)
        self._draw_rule(HEAD + 42, 250)

    def _draw_rule(self, height: int, half: int) -> None:
        """Two thin lines with an asterisk of the Fell types between them."""
        middle, gap = WIDTH // 2, 30
        for begin, end in ((middle - half, middle - gap), (middle + gap, middle + half)):
            line = [OVERSAMPLING * each for each in (begin, height, end, height)]
            self._draw.line(line, fill=RULES, width=OVERSAMPLING)
        self._centre("*", height + 26, _font(ROMAN, 44), RED)

    def _draw_text(self) -> None:
        setting, left = self._setting, MARGIN * OVERSAMPLING
        leading, shift = _leading(setting.size), 0
        spare = self._height - BODY - FOOT - setting.height
        # A short text is placed slightly above the middle.
        first = round((BODY + 0.4 * spare + setting.size) * OVERSAMPLING)
        if (capital := setting.capital) is not None:
            shift = capital.length
            font = _font(ROMAN, setting.size)
            self._draw.text((left, first), capital.marks, RED, font, anchor="ls")
            place = (left + capital.left, first + (CAP_LINES - 1) * leading - capital.rise)
            self._draw.text(place, capital.letter, RED, capital.font, anchor="ls")
        for number, line in enumerate(setting.lines):
            beside = capital is not None and number < CAP_LINES
            start = left + (capital.indent if capital is not None and beside else 0.0)
            last = number == len(setting.lines) - 1
            self._draw_line(line, start, first + number * leading, shift, last=last)

    def _draw_line(
        self, line: Line, start: float, baseline: int, shift: int, *, last: bool
    ) -> None:
        font = _font(ROMAN, self._setting.size)
        widths = [font.getlength(piece.shown) for piece in line]
        space, right = font.getlength(" "), (WIDTH - MARGIN) * OVERSAMPLING
        spare = right - start - sum(widths)
        if len(self._setting.lines) == 1:
            start += (spare - space * (len(line) - 1)) / 2
        elif len(line) > 1:
            even = spare / (len(line) - 1)
            space = min(space, even) if last else even
        for piece, width in zip(line, widths, strict=True):
            x = start
            for part, colour in self._inked(piece.shown, piece.start + shift):
                self._draw.text((x, baseline), part, colour, font, anchor="ls")
                x += font.getlength(part)
            start += width + space

    def _inked(self, shown: str, start: int) -> Iterator[tuple[str, str]]:
        """The parts of a piece with their colours; the phrase may end inside a word."""
        red = max(0, min(len(shown), self._phrase - start))
        yield from filter(lambda part: part[0], ((shown[:red], RED), (shown[red:], INK)))

    def _draw_colophon(self, colophon: str) -> None:
        below = self._height - FOOT
        self._draw_rule(below + 84, 120)
        self._centre(colophon, self._height - EDGE - FRAME - 46, _font(ITALIC, 27), COLOPHON)

    def _centre(self, text: str, baseline: int, font: ImageFont.FreeTypeFont, colour: str) -> None:
        place = (WIDTH * OVERSAMPLING // 2, baseline * OVERSAMPLING)
        self._draw.text(place, text, colour, font, anchor="ms")


def _manner(style: str | None, language: str) -> str:
    if style is None:
        return say("card_manner_all", language)
    return say("card_manner", language, author=author(style))
