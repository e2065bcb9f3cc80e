"""The clock of this machine compared with the platforms' clocks."""

from __future__ import annotations

import time

from bot.net.platform_api import Reply
from bot.ops.doctor.findings import Finding, good, problem

# Certificates, limits and message ages tolerate more; the Date header has a resolution of one
# second.
MOST_SECONDS = 30.0


class Clocks:
    """Collects clock differences from platform responses."""

    def __init__(self) -> None:
        self._ahead: list[float] = []  # seconds

    def read(self, reply: Reply) -> None:
        """Record the Date of a response."""
        if reply.date is not None:
            self._ahead.append(time.time() - reply.date)

    def findings(self) -> list[Finding]:
        """Whether the clock is right; empty without responses."""
        if not self._ahead:
            return []
        least = min(self._ahead, key=abs)
        if abs(least) > MOST_SECONDS:
            return [problem("reloj", "doctor_clock_wrong", seconds=abs(least))]
        return [good("reloj", "doctor_clock")]
