"""A fair queue: a fixed number of turns at a time, round robin between servers.

A person has one job at a time (see `bot.service.admission`), so first in, first out is fair within
a server. Round robin between servers keeps a busy one from delaying all others.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class Turn:
    """A place in the queue; await `ready` for the turn."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class FairQueue:
    """Grants at most `slots` turns at a time."""

    def __init__(self, slots: int) -> None:
        self.slots = slots  # may change
        self._taken = 0
        self._groups: OrderedDict[str, deque[Turn]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Number of places without a turn."""
        return sum(map(len, self._groups.values()))

    def waiting_in(self, group: str) -> int:
        """Number of a group's places without a turn."""
        return len(self._groups.get(group, ()))

    def join(self, group: str) -> Turn:
        """Join the queue; the turn may be ready at once. Every turn must `leave`."""
        turn = Turn(group)
        if self._taken < self.slots:
            self._taken += 1
            turn.ready.set_result(None)
        else:
            self._groups.setdefault(group, deque()).append(turn)
        return turn

    def leave(self, turn: Turn) -> None:
        """End a turn, or leave the queue before it."""
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
        """Number of turns before this one; 0 if it is next or ready."""
        queue = self._groups.get(turn.group)
        if queue is None or turn not in queue:
            return 0
        place = queue.index(turn)
        groups = list(self._groups)
        mine = groups.index(turn.group)
        # Each round has one turn of every group, in order; groups before this one have one more.
        return place + sum(
            min(len(self._groups[group]), place + (number < mine))
            for number, group in enumerate(groups)
            if number != mine
        )

    def _call_next(self) -> None:
        while self._taken < self.slots and self._groups:
            group, queue = next(iter(self._groups.items()))
            turn = queue.popleft()
            self._groups.move_to_end(group)
            if not queue:
                del self._groups[group]
            if not turn.ready.done():  # cancelled ones have left
                self._taken += 1
                turn.ready.set_result(None)
