"""People: when they begin, where, and what they do next. All of it is assumed, with the reasons.

Time is in seconds from midnight UTC of a weekday. Places are numbers: servers of Discord from 0 on,
behind them groups of Telegram; private conversations are below 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

DAY, HOUR = 86_400.0, 3_600.0

# Millions of people by hours from UTC, rounded from what is generally known: Mexico and most of
# Central America; Colombia, Peru, Ecuador, Cuba, Panama; Venezuela, Bolivia, the Dominican
# Republic; Argentina, Chile, Uruguay, Paraguay; Spain, in winter. Only their proportions matter.
ZONES = {-6: 176.0, -5: 120.0, -4: 51.0, -3: 77.0, 1: 48.0}
# How much is asked in each hour of a local weekday, in proportion: what people do for pleasure with
# a phone or at a computer sleeps from two to seven, is held back by school and work, and is highest
# between nine and eleven in the evening.
LOCAL = np.array(
    [4.6, 2.8, 1.6, 0.9, 0.6, 0.5, 0.7, 1.4, 2.2, 2.8, 3.3, 3.7,
     4.1, 4.5, 4.7, 4.7, 4.9, 5.3, 5.8, 6.4, 7.1, 7.9, 8.0, 6.6]
)  # fmt: skip

DIRECT, PRIVATE = -1, -2  # to the bot alone: on Discord, on Telegram


@dataclass(frozen=True)
class Demand:
    """Who asks.

    people: how many ask at least once that day; more_sessions: how often each comes back, on
    average; again, onward: how likely an answer is followed by «Otra vez» and by «Continuar»;
    pause: the median of the seconds of reading before that, and the spread of its logarithm;
    telegram: the share of people there; direct, groups: the share of Discord's in private, of
    Telegram's in groups of `group_people`.

    Servers' shares of people fall with their rank as 1 / (rank + flat): Zipf's law, but the hundred
    largest are about equal, since no server grows without end. Events are moments at which a part
    of a server's people of the day comes at once; large servers have more of them.
    """

    servers: int = 100_000
    people: int = 10_000_000
    more_sessions: float = 0.3
    again: float = 0.25
    onward: float = 0.20
    pause: tuple[float, float] = (25.0, 0.8)
    telegram: float = 0.05
    direct: float = 0.15
    groups: float = 0.3
    group_people: int = 20
    flat: float = 100.0
    events: float = 40.0
    event_share: float = 0.2
    event_seconds: float = 240.0

    def part(self, fraction: float) -> Demand:
        """So much of it, as a smaller fleet would see it."""
        return Demand(
            **vars(self)
            | {
                "servers": max(1, round(self.servers * fraction)),
                "people": round(self.people * fraction),
                "flat": self.flat * fraction,
                "events": self.events * fraction,
            }
        )

    @property
    def requests(self) -> float:
        """What all of them ask in a day if nothing keeps them from it."""
        return self.people * (1 + self.more_sessions) / (1 - self.again - self.onward)

    @property
    def telegram_groups(self) -> int:
        """How many groups there are."""
        return max(1, round(self.people * self.telegram * self.groups / self.group_people))


def curve(at: Floats) -> Floats:
    """How much is asked at these moments, relative to the day's average."""
    hours = np.arange(25) + 0.5
    rates = np.append(LOCAL, LOCAL[0]) / LOCAL.mean()
    total = sum(ZONES.values())
    wanted = np.zeros_like(at)
    for zone, people in ZONES.items():
        local = (at / HOUR + zone - 0.5) % 24 + 0.5
        wanted += people / total * np.interp(local, hours, rates)
    return wanted


PEAK = float(DAY / 288 * np.argmax(curve(np.arange(288) * DAY / 288)))
LOW = float(DAY / 288 * np.argmin(curve(np.arange(288) * DAY / 288)))


@dataclass(frozen=True)
class Arrivals:
    """Beginnings of sessions, in order of time: when, who, where."""

    times: Floats
    people: Numbers
    places: Numbers


def arrivals(
    demand: Demand, random: np.random.Generator, begin: float = 0.0, seconds: float = DAY
) -> Arrivals:
    """Beginnings from `begin` on, for so long, as a Poisson process whose rate follows the curve;
    times count from `begin`."""
    sessions = random.poisson(_expected(demand, begin, seconds))
    times = _moments(sessions, random, begin, seconds)
    everybody = max(1, demand.people)
    people = random.permutation(everybody)
    if sessions > everybody:
        people = np.append(people, random.integers(0, everybody, sessions - everybody))
    people = people[:sessions]
    places = _places(demand, sessions, random)
    more = _events(demand, random, begin, seconds)
    times, people, places = (
        np.concatenate(pair) for pair in zip((times, people, places), more, strict=True)
    )
    order = np.argsort(times, kind="stable")
    return Arrivals(times[order], people[order], places[order])


def _expected(demand: Demand, begin: float, seconds: float) -> float:
    at = begin + np.arange(0.0, seconds, 60.0, dtype=np.float64)
    return demand.people * (1 + demand.more_sessions) * float(curve(at).mean()) * seconds / DAY


def _moments(count: int, random: np.random.Generator, begin: float, seconds: float) -> Floats:
    """So many moments, minute by minute as often as the curve says."""
    minutes = math.ceil(seconds / 60.0)
    weights = curve(begin + 60.0 * np.arange(minutes, dtype=np.float64))
    chosen = random.choice(minutes, size=count, p=weights / weights.sum())
    return np.minimum((chosen + random.random(count)) * 60.0, seconds)


def _ranks(count: int, of: int, flat: float, random: np.random.Generator) -> Numbers:
    """Ranks below `of`, drawn by the share that each has."""
    shares = np.cumsum(1.0 / (np.arange(of) + 1.0 + flat))
    chosen: Numbers = np.searchsorted(shares, random.random(count) * shares[-1]).astype(np.int64)
    return chosen


def _places(demand: Demand, count: int, random: np.random.Generator) -> Numbers:
    places = _ranks(count, demand.servers, demand.flat, random)
    places[random.random(count) < demand.direct] = DIRECT
    on_telegram = random.random(count) < demand.telegram
    chatting = random.random(count) < demand.groups
    groups = _ranks(count, demand.telegram_groups, 1.0 + demand.telegram_groups / 100, random)
    return np.where(on_telegram, np.where(chatting, demand.servers + groups, PRIVATE), places)


def _events(
    demand: Demand, random: np.random.Generator, begin: float, seconds: float
) -> tuple[Floats, Numbers, Numbers]:
    """Sessions that events bring, of people who are counted with nobody else."""
    count = int(random.poisson(demand.events * seconds / DAY))
    moments = _moments(count, random, begin, seconds)
    servers = _ranks(count, demand.servers, demand.flat, random)
    shares = 1.0 / (np.arange(demand.servers) + 1.0 + demand.flat)
    on_servers = demand.people * (1 - demand.telegram) * (1 - demand.direct)
    theirs = on_servers * shares[servers] / shares.sum()
    sizes = random.poisson(demand.event_share * theirs)
    times = np.repeat(moments, sizes) + random.exponential(demand.event_seconds, sizes.sum())
    places = np.repeat(servers, sizes)
    stay = times < seconds
    newcomers = demand.people + np.arange(int(stay.sum()))
    return times[stay], newcomers, places[stay]
