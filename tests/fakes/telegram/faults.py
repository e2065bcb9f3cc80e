"""Faults of the network and of the server, each for one method and so many times.

Faults that were added first are used first; one request meets at most one. `method` is a name of
the Bot API, or "*" for all but getUpdates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "flood", "status", "html", "reset", "slow", "hold", "unauthorized", "conflict", "stall"
]
ALWAYS = 1 << 30


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of `method`."""

    kind: Kind
    method: str
    times: int
    chat_id: int | None = None  # only in this chat
    seconds: float = 0.0  # retry_after of a flood; delay of a slow answer
    status: int = 502
    applied: bool = False  # whether the request takes effect before its answer is lost
    met: int = 0  # how often it has happened

    def concerns(self, method: str, chat_id: int | None) -> bool:
        """Whether a request meets this fault."""
        named = self.method.lower() == method or (self.method == "*" and method != "getupdates")
        return self.times > 0 and named and self.chat_id in (None, chat_id)


class Faults:
    """The faults in force. Every method that adds one returns it, so that `met` can be read."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def flood(
        self, method: str, retry_after: int, times: int = 1, chat_id: int | None = None
    ) -> Fault:
        """429 with this many seconds."""
        return self._add(Fault("flood", method, times, chat_id, seconds=retry_after))

    def status(self, method: str, status: int = 502, times: int = 1) -> Fault:
        """An error of the server, in JSON."""
        return self._add(Fault("status", method, times, status=status))

    def html(self, method: str, status: int = 502, times: int = 1) -> Fault:
        """An HTML page of a gateway in between."""
        return self._add(Fault("html", method, times, status=status))

    def reset(self, method: str, times: int = 1, *, applied: bool) -> Fault:
        """The connection is reset without an answer; `applied`: after the request took effect."""
        return self._add(Fault("reset", method, times, applied=applied))

    def slow(self, method: str, seconds: float, times: int = 1) -> Fault:
        """The answer comes late; the effect at once."""
        return self._add(Fault("slow", method, times, seconds=seconds, applied=True))

    def hold(self, method: str, times: int = 1) -> Fault:
        """The head of the answer comes and its body does not; the effect at once. Ends with
        `clear`."""
        return self._add(Fault("hold", method, times, applied=True))

    def stall(self, method: str = "getUpdates", times: int = 1) -> Fault:
        """Never answered, and the connection stays open; no effect. Ends with `clear`."""
        return self._add(Fault("stall", method, times))

    def revoke(self) -> Fault:
        """401 for everything from now on: the token was revoked."""
        self._add(Fault("unauthorized", "getUpdates", ALWAYS))
        return self._add(Fault("unauthorized", "*", ALWAYS))

    def conflict(self, times: int = 1) -> Fault:
        """409 for getUpdates: somebody else polls with this token."""
        return self._add(Fault("conflict", "getUpdates", times))

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()

    def is_active(self, fault: Fault) -> bool:
        """Whether the fault has not been cleared."""
        return fault in self._faults

    def next(self, method: str, chat_id: int | None) -> Fault | None:
        """The fault that a request meets, which counts as met."""
        for fault in self._faults:
            if fault.concerns(method, chat_id):
                fault.times -= 1
                fault.met += 1
                return fault
        return None

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault
