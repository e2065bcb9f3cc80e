"""The connection between the bot and a platform: one line, or some of several shards."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from bot.texts.number_ranges import write_ranges

OK, STANDBY = "ok", "standby"
# A line among several counts as lost after this long: most reconnect within a second.
LOST_SECONDS = 5.0


class Line:
    """One connection over which a platform's events arrive."""

    def __init__(self) -> None:
        self.up = False
        self.times = 0  # how often it came up
        self.servers: int | None = None  # guilds in READY, None where not applicable
        self.latency: Callable[[], float] = lambda: math.nan  # round trip in seconds, NaN: unknown
        self._fell: float | None = None

    def note(self, up: bool) -> None:
        """Note whether it is up."""
        if self.up and not up:
            self._fell = time.monotonic()
        self.times += up and not self.up
        self.up = up

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        return max(0, self.times - 1)

    @property
    def away(self) -> float:
        """Seconds since it went down; infinity if it was never up."""
        if self.up:
            return 0.0
        return math.inf if self._fell is None else time.monotonic() - self._fell


class Connection:
    """The lines of this process to a platform.

    total: lines of all processes together, None for a platform that has only one.
    """

    def __init__(self, total: int | None = None) -> None:
        self.lines = {0: Line()}  # by shard number
        self.total = total
        self.closed_until = 0.0  # time.monotonic at which the platform accepts sessions again
        self.standing_by = False  # another process receives the events while it lives

    @property
    def up(self) -> bool:
        """Whether all events arrive."""
        return all(line.up for line in self.lines.values())

    @property
    def several(self) -> bool:
        """Whether there is more than one line, here or elsewhere."""
        return (self.total or 1) > 1

    @property
    def reconnects(self) -> int:
        """How often lines came back."""
        return sum(line.reconnects for line in self.lines.values())

    @property
    def closed_for(self) -> float:
        """Seconds until the platform accepts sessions again."""
        return max(0.0, self.closed_until - time.monotonic())

    @property
    def lost(self) -> list[int]:
        """The numbers of lost lines; among several, only those that do not reconnect at once."""
        patience = LOST_SECONDS if self.several else 0.0
        return [n for n, line in self.lines.items() if not line.up and line.away >= patience]

    @property
    def state(self) -> str:
        """`OK`, `STANDBY`, or a few words on the lost lines."""
        if not (lost := self.lost):
            return OK
        if self.standing_by:
            return STANDBY
        if self.closed_for:
            return "no session starts left"
        some = self.several and len(self.lines) > 1
        return f"disconnected: {write_ranges(lost)}" if some else "disconnected"

    def note(self, up: bool) -> None:
        """Note whether the only line is up."""
        self.lines[0].note(up)

    def spread(self, numbers: Iterable[int], total: int) -> None:
        """Set the lines of this process; existing ones are kept."""
        self.lines = {number: self.lines.get(number) or Line() for number in numbers}
        self.total = total
