"""Faults of the network and the server, by method, for a number of requests.

Faults apply in the order of their creation, at most one per request. `method` is a name of the Bot
API, or "*" for all but getUpdates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "flood", "status", "html", "reset", "slow", "hold", "unauthorized", "conflict", "stall"
]
ALWAYS = 1 << 30


@dataclass
class Fault:
    """A fault for the next `times` requests of `method`."""

    kind: Kind
    method: str
    times: int
    chat_id: int | None = None  # restricts it to this chat
    seconds: float = 0.0  # retry_after of a flood; delay of a slow response
    status: int = 502
    applied: bool = False  # whether the request takes effect before its response is lost
    met: int = 0  # number of affected requests

    def concerns(self, method: str, chat_id: int | None) -> bool:
        """Whether the fault affects a request."""
        named = self.method.lower() == method or (self.method == "*" and method != "getupdates")
        return self.times > 0 and named and self.chat_id in (None, chat_id)


class Faults:
    """The active faults. Each method that adds one returns it, for its `met`."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def flood(
        self, method: str, retry_after: int, times: int = 1, chat_id: int | None = None
    ) -> Fault:
        """Respond with 429 and this retry_after."""
        return self._add(Fault("flood", method, times, chat_id, seconds=retry_after))

    def status(self, method: str, status: int = 502, times: int = 1) -> Fault:
        """Respond with a server error in JSON."""
        return self._add(Fault("status", method, times, status=status))

    def html(self, method: str, status: int = 502, times: int = 1) -> Fault:
        """Respond with the HTML page of a proxy."""
        return self._add(Fault("html", method, times, status=status))

    def reset(self, method: str, times: int = 1, *, applied: bool) -> Fault:
        """Reset the connection without a response; `applied`: after execution."""
        return self._add(Fault("reset", method, times, applied=applied))

    def slow(self, method: str, seconds: float, times: int = 1) -> Fault:
        """Execute at once and delay the response."""
        return self._add(Fault("slow", method, times, seconds=seconds, applied=True))

    def hold(self, method: str, times: int = 1) -> Fault:
        """Execute at once and send only the head of the response. Ends with `clear`."""
        return self._add(Fault("hold", method, times, applied=True))

    def stall(self, method: str = "getUpdates", times: int = 1) -> Fault:
        """Keep the connection open without execution or response. Ends with `clear`."""
        return self._add(Fault("stall", method, times))

    def revoke(self) -> Fault:
        """Revoke the token: 401 for all requests."""
        self._add(Fault("unauthorized", "getUpdates", ALWAYS))
        return self._add(Fault("unauthorized", "*", ALWAYS))

    def conflict(self, times: int = 1) -> Fault:
        """Respond 409 to getUpdates, as if another client polled."""
        return self._add(Fault("conflict", "getUpdates", times))

    def clear(self) -> None:
        """Deactivate all faults."""
        self._faults.clear()

    def is_active(self, fault: Fault) -> bool:
        """Whether the fault was not cleared."""
        return fault in self._faults

    def next(self, method: str, chat_id: int | None) -> Fault | None:
        """The fault for a request; counts it."""
        for fault in self._faults:
            if fault.concerns(method, chat_id):
                fault.times -= 1
                fault.met += 1
                return fault
        return None

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault
