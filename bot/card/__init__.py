"""A text as a picture to be shared: a page of an old book (`page`), set line by line (`layout`)."""

from bot.card.drawing import drawn
from bot.card.page import FONTS, Card, card_of, draw_card

__all__ = ["FONTS", "Card", "card_of", "draw_card", "drawn"]
