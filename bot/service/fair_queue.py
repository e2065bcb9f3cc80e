"""Fair turns: so many at once, and who waits is served server by server.

A person has one job at a time (see `bot.service.service`), so first come, first served is fair
between the people of one server; between servers the turn goes round, so that a crowd in one does
not keep everybody else waiting.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turn:
    """A place in the queue; await `ready` for the turn itself."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Turns:
    """At most `seats` turns are out at a time."""

    def __init__(self, seats: int) -> None:
        self.seats = seats  # may change
        self._taken = 0
        self._groups: OrderedDict[str, deque[Turn]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(map(len, self._groups.values()))

    def take(self, group: str) -> Turn:
        """Join the queue; the turn may be ready at once. Every turn must be given back."""
        turn = Turn(group)
        if self._taken < self.seats:
            self._taken += 1
            turn.ready.set_result(None)
        else:
            self._groups.setdefault(group, deque()).append(turn)
        return turn

    def give_back(self, turn: Turn) -> None:
        """End a turn, or leave the queue before it came."""
        if turn.ready.done() and not turn.ready.cancelled():
            self._taken -= 1
            self._call_next()
            return
        queue = self._groups.get(turn.group)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._groups[turn.group]

    def ahead(self, turn: Turn) -> int:
        """How many are served before this one; 0 when it is next or has its turn."""
        queue = self._groups.get(turn.group)
        if queue is None or turn not in queue:
            return 0
        place = queue.index(turn)
        groups = list(self._groups)
        mine = groups.index(turn.group)
        # In each round every group has one turn, in order; groups before mine have one more.
        return place + sum(
            min(len(self._groups[group]), place + (number < mine))
            for number, group in enumerate(groups)
            if number != mine
        )

    def _call_next(self) -> None:
        while self._taken < self.seats and self._groups:
            group, queue = next(iter(self._groups.items()))
            turn = queue.popleft()
            self._groups.move_to_end(group)
            if not queue:
                del self._groups[group]
            if not turn.ready.done():  # cancelled ones have left
                self._taken += 1
                turn.ready.set_result(None)
