"""Rendering of cards outside the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from bot.card.page import Card, draw_card

log = logging.getLogger(__name__)

# One card at a time: each takes tens of megabytes and tenths of a second.
_LANE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="card")


async def drawn(card: Card, language: str) -> bytes | None:
    """The card as a PNG file; None, with a log entry, if rendering fails."""
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_LANE, draw_card, card, language)
    except Exception:  # the answer is delivered without a picture
        log.exception("a card cannot be drawn")
        return None
