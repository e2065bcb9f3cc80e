"""Liveness and readiness of a running bot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.requests.connection import OK, STANDBY

if TYPE_CHECKING:
    from bot.executor.executor import Executor
    from bot.requests.connection import Connection

STARTING = "starting"
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
        return self.live() | {name: each.state for name, each in self._connections.items()}
