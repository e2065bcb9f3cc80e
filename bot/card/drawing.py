"""Drawing beside the event loop."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from bot.card.page import Card, draw_card

log = logging.getLogger(__name__)

# One at a time: a page that is being drawn takes tens of megabytes, and tenths of a second.
_LANE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="card")


async def drawn(card: Card, language: str) -> bytes | None:
    """The picture as a PNG file; None, with a line in the log, if it cannot be drawn."""
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_LANE, draw_card, card, language)
    except Exception:  # whatever it is, there is an answer without a picture
        log.exception("a card cannot be drawn")
        return None
