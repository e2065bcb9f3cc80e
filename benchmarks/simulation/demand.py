"""How many requests arrive, and when. Everything here is assumed; docs/scale.md gives the reasons.

Times are seconds from midnight UTC of a weekday.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.measured import Floats

DAY, HOUR = 86_400.0, 3_600.0

# Millions of Spanish speakers by hours from UTC, rounded: Mexico and most of Central America;
# Colombia, Peru, Ecuador, Cuba, Panama; Venezuela, Bolivia, the Dominican Republic; Argentina,
# Chile, Uruguay, Paraguay; Spain in winter. Only the proportions matter.
ZONES = {-6: 176.0, -5: 120.0, -4: 51.0, -3: 77.0, 1: 48.0}
# Relative activity in each hour of a local weekday: lowest at five in the morning, held back by
# school and work, highest between nine and eleven in the evening.
LOCAL = np.array(
    [4.6, 2.8, 1.6, 0.9, 0.6, 0.5, 0.7, 1.4, 2.2, 2.8, 3.3, 3.7,
     4.1, 4.5, 4.7, 4.7, 4.9, 5.3, 5.8, 6.4, 7.1, 7.9, 8.0, 6.6]
)  # fmt: skip


def curve(at: Floats) -> Floats:
    """Activity at these moments, relative to the day's mean."""
    hours = np.arange(25) + 0.5
    rates = np.append(LOCAL, LOCAL[0]) / LOCAL.mean()
    total = sum(ZONES.values())
    activity = np.zeros_like(at)
    for zone, people in ZONES.items():
        local = (at / HOUR + zone - 0.5) % 24 + 0.5
        activity += people / total * np.interp(local, hours, rates)
    return activity


PEAK = float(curve(np.arange(0.0, DAY, 300.0)).max())


@dataclass(frozen=True)
class Demand:
    """One day.

    servers: Discord servers.
    people: requesters per day on both platforms.
    sessions: how often each of them comes in a day.
    again, onward: probability that an answer is followed by «Otra vez» or «Continuar».
    telegram: share of the people who are on Telegram.
    """

    servers: int = 100_000
    people: int = 10_000_000
    sessions: float = 1.3
    again: float = 0.25
    onward: float = 0.20
    telegram: float = 0.05

    @property
    def per_person(self) -> float:
        """Requests per person and day."""
        return self.sessions / (1 - self.again - self.onward)

    @property
    def requests(self) -> float:
        """Requests per day."""
        return self.people * self.per_person

    @property
    def peak(self) -> float:
        """Requests per second at the busiest moment of the day."""
        return PEAK * self.requests / DAY

    def hourly(self) -> Floats:
        """Requests per second in the middle of each hour UTC, (24,)."""
        return curve((np.arange(24) + 0.5) * HOUR) * self.requests / DAY
