"""This machine's clock beside those of the platforms."""

from __future__ import annotations

import time

from bot.net.platform_api import Reply
from bot.ops.doctor.findings import Finding, good, problem

# Certificates, limits and the age of messages stand further errors than this; the Date of an
# answer counts whole seconds.
MOST_SECONDS = 30.0


class Clocks:
    """What answers of platforms tell of the time."""

    def __init__(self) -> None:
        self._ahead: list[float] = []  # by so many seconds is this machine's clock ahead

    def read(self, reply: Reply) -> None:
        """Note the time that an answer has come with."""
        if reply.date is not None:
            self._ahead.append(time.time() - reply.date)

    def findings(self) -> list[Finding]:
        """Whether this machine's clock is right; nothing where none could be asked."""
        if not self._ahead:
            return []
        least = min(self._ahead, key=abs)
        if abs(least) > MOST_SECONDS:
            return [problem("reloj", "doctor_clock_wrong", seconds=abs(least))]
        return [good("reloj", "doctor_clock")]
