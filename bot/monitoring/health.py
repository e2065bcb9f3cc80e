"""Liveness and readiness of a running bot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.texts.number_ranges import write_ranges

if TYPE_CHECKING:
    from bot.executor.executor import Executor
    from bot.requests.platform import Connection

OK, STANDBY, STARTING = "ok", "standby", "starting"
# States of a healthy part.
WELL = frozenset({OK, STANDBY})


class Health:
    """Reports a state of one to five words for each part; a report is good if all are in `WELL`."""

    def __init__(self, executor: Executor, connections: Mapping[str, Connection]) -> None:
        self._executor, self._connections = executor, connections

    def live(self) -> dict[str, str]:
        """Liveness: the worker answers. That the event loop runs is shown by the response."""
        return {"worker": OK if self._executor.answering else "not answering"}

    def ready(self) -> dict[str, str]:
        """Readiness: the worker answers, and events of every platform arrive, here or in the
        process for which this one stands by."""
        return self.live() | {name: word_of(each) for name, each in self._connections.items()}


def word_of(connection: Connection) -> str:
    """The state of a connection."""
    lost = connection.lost
    if not lost:
        return OK
    if connection.standing_by:
        return STANDBY
    if connection.closed_for:
        return "no session starts left"
    # A process with a single shard need not number it.
    some = connection.several and len(connection.lines) > 1
    return f"disconnected: {write_ranges(lost)}" if some else "disconnected"
