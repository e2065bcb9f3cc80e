"""The bot's processes: what they are like, what they take and refuse, what they have under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.simulation.measured import Measured
from benchmarks.simulation.parts import Clock, Line
from benchmarks.simulation.record import End
from benchmarks.simulation.writing import Scaling
from bot.requests.limits import Limits
from bot.settings.settings import Settings


def _default(name: str) -> int:
    return int(Settings.model_fields[name].default)


@dataclass(frozen=True)
class Fleet:
    """What serves. Seconds throughout.

    shard_servers: servers of Discord that a shard holds, 2,500 at most; shards: for each process;
    identify: how many shards may begin in five seconds. Assumed are network (the median of one
    request to a platform, and the spread of its logarithm), restart (of a bot process), lease
    (until another process goes on with what a dead one had), detect (until a dead machine is found
    out). scaling: None keeps `replicas` of them. fraction: the part of the whole that is simulated;
    the store has this part of its capacity, and Telegram's limit in all is left out.
    """

    shard_servers: int = 2_500
    shards: int = 4
    identify: int = 1
    rows: int = _default("max_batch")
    replicas: int = 1
    scaling: Scaling | None = field(default_factory=Scaling)
    queue_limit: int = _default("queue_limit")
    person_minute: int = _default("person_per_minute")
    person_day: int = _default("person_per_day")
    server_minute: int = _default("server_per_minute")
    network: tuple[float, float] = (0.08, 0.4)
    restart: float = 10.0
    lease: float = 15.0
    detect: float = 5.0
    fraction: float = 1.0


class Request:
    """One request and its times. `void`: its process died, and another goes on with a copy."""

    __slots__ = ("acknowledged", "asked", "bot", "first", "person", "place", "runs", "void", "work")

    def __init__(self, person: int, place: int, bot: Bot, asked: float, work: float) -> None:
        self.person, self.place, self.bot = person, place, bot
        self.asked, self.work = asked, work
        self.acknowledged = self.first = 0.0
        self.runs = 0
        self.void = False

    def copy(self) -> Request:
        """The same request in the life of another process."""
        copied = Request(self.person, self.place, self.bot, self.asked, self.work)
        copied.acknowledged, copied.runs = self.acknowledged, self.runs
        return copied


class Bot:
    """One process: its event loop, its limits, what it has under way by person. `telegram`: it is
    the one that listens to Telegram; the others hear of these shards of Discord."""

    def __init__(
        self, clock: Clock, fleet: Fleet, measured: Measured, shards: Sequence[int] = ()
    ) -> None:
        self.shards, self.telegram = shards, not shards
        self.cost = measured.telegram if self.telegram else measured.discord
        self.loop = Line()
        self.running: dict[int, Request] = {}
        self.down_until = 0.0
        self.limits = Limits(
            person_minute=fleet.person_minute,
            person_day=fleet.person_day,
            place_minute=fleet.server_minute,
            strikes=_default("strikes"),
            block_seconds=60.0 * _default("block_minutes"),
            clock=lambda: clock.now,
        )

    def refusal(self, request: Request, queue_limit: int) -> End | None:
        """Why a request is not taken, in the order of `bot.service.service`; what is taken is
        counted."""
        person = str(request.person)
        place = str(request.place) if request.place >= 0 else None
        if self.limits.blocked(person) > 0:
            return End.PERSON_LIMIT
        if request.person in self.running:
            self.limits.strike(person)
            return End.BUSY
        if (excess := self.limits.excess(person, place)) is not None:
            self.limits.strike(person)
            return End.SERVER_LIMIT if excess.kind == "place_minute" else End.PERSON_LIMIT
        if len(self.running) >= queue_limit:
            return End.QUEUE_FULL
        self.limits.count(person, place)
        return None
