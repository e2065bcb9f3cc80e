"""User-facing texts: the catalogue by key, and the tools that format values and lines."""

from bot.texts.catalogue import explain, say
from bot.texts.formatting import ENGLISH, SPANISH, language_of

__all__ = ["ENGLISH", "SPANISH", "explain", "language_of", "say"]
