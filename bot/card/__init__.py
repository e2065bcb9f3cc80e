"""Renders a text as a picture to share: a page of an old book.

`layout` breaks lines, `page` renders, `drawing` runs the rendering in a thread."""

from bot.card.drawing import drawn
from bot.card.page import FONTS, MOST_CHARACTERS, Card, card_of, draw_card

__all__ = ["FONTS", "MOST_CHARACTERS", "Card", "card_of", "draw_card", "drawn"]
