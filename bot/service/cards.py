"""Cards: rendered one at a time, in fair turns, from a bounded queue."""

from __future__ import annotations

from bot.card import Card, drawn
from bot.requests.job import Requester
from bot.service.fair_queue import FairQueue

# Cards that wait in a server, a chat or on the page. Each takes tenths of a second.
MOST_WAITING = 8


class CardQueue:
    """Renders cards. The page's visitors share turns with servers and chats, so that a crowd in one
    place delays its own cards only."""

    def __init__(self) -> None:
        self._queue = FairQueue(1)

    def full(self, requester: Requester) -> bool:
        """Whether too many cards of the requester's place wait."""
        return self._queue.waiting_in(_place(requester)) >= MOST_WAITING

    async def render(self, card: Card, requester: Requester) -> bytes | None:
        """The card as a PNG file; None, with a log entry, if rendering fails."""
        turn = self._queue.join(_place(requester))
        try:
            await turn.ready
            return await drawn(card, requester.language)
        finally:
            self._queue.leave(turn)


def _place(requester: Requester) -> str:
    return requester.server or requester.platform
