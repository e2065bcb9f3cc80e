"""The life of a request through the whole fleet, as `bot.service.service` has it, and what may go
wrong.

ask ── not heard, refused? ──► end
  │ event loop        admits it; the limits are the bot's own, `bot.requests.limits`
  │ store             keeps it
  │ platform          has the acknowledgement
  │ pool              writes it
  │ event loop        delivers it; Telegram's limits hold it back
  └ answered ──► perhaps «Otra vez» or «Continuar»
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.bots import Bot, Fleet, Request
from benchmarks.simulation.demand import DIRECT, PRIVATE, Arrivals, Demand
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.parts import (
    IDENTIFY_SECONDS,
    Clock,
    Gateway,
    Line,
    TelegramToken,
    numbers,
)
from benchmarks.simulation.record import End, Record, Sample
from benchmarks.simulation.writing import Events, Pool, autoscale
from bot.executor.executor import RERUNS
from bot.service.service import JOB_SECONDS
from bot.store.coordination import KEEP_SECONDS

SAMPLE_SECONDS = 60.0
# What has not come to its end so long after the last request is given up.
PATIENCE_SECONDS = 2 * JOB_SECONDS


@dataclass(frozen=True)
class Failure:
    """Something dies at a moment: a `replica`, or the `bot` of this number."""

    moment: float
    what: str
    number: int = 0


class Simulation:
    """One run. The same seed gives the same run."""

    def __init__(
        self,
        demand: Demand,
        fleet: Fleet,
        measured: Measured,
        seed: int = 0,
        failures: tuple[Failure, ...] = (),
    ) -> None:
        self.demand, self.fleet, self.measured = demand, fleet, measured
        self.clock, self.record = Clock(), Record()
        random = np.random.default_rng(seed)
        self.shards = -(-demand.servers // fleet.shard_servers)
        self.gateway = Gateway(self.shards, IDENTIFY_SECONDS, fleet.identify)
        everything = range(self.shards)
        self.bots = [
            Bot(self.clock, fleet, measured, everything[first : first + fleet.shards])
            for first in range(0, self.shards, fleet.shards)
        ]
        self.telegram_bot = Bot(self.clock, fleet, measured)
        self.token = TelegramToken(self.clock, limited=fleet.fraction == 1)
        self.store = Line()
        self.pool = Pool(
            self.clock, measured.replica, fleet.rows, random, self._begun, self._written
        )
        self._chance = numbers(random.random)
        self._network = _lognormal(random, *fleet.network)
        self._pause = _lognormal(random, *demand.pause)
        self._length = _lengths(random, measured.lengths)
        self._failures = failures
        self._horizon = 0.0
        self._under_way, self._noted = 0, 0.0
        self._busy = [0.0] * (len(self.bots) + 2)

    def run(
        self,
        arrivals: Arrivals,
        seconds: float,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Record:
        """Let people ask for so long, and then everything that was begun come to its end."""
        self._horizon = seconds
        env = self.clock
        for _ in range(self.fleet.replicas):
            self.pool.add()
        if self.fleet.scaling is not None:
            env.process(autoscale(self.clock, self.pool, self.fleet.scaling))
        for failure in self._failures:
            self.clock.at(failure.moment, self._fail, failure)
        env.process(self._arrive(arrivals))
        env.process(self._sample())
        for moment in np.linspace(0, seconds, 201)[1:]:
            env.run(until=float(moment))
            progress(self.clock.now)
        while self._under_way and self.clock.now < seconds + PATIENCE_SECONDS:
            env.run(until=self.clock.now + 1.0)
        return self._finished()

    def _arrive(self, arrivals: Arrivals) -> Events:
        env = self.clock
        columns = (arrivals.times.tolist(), arrivals.people.tolist(), arrivals.places.tolist())
        for moment, person, place in zip(*columns, strict=True):
            if moment > env.now:
                yield env.timeout(moment - env.now)
            self._ask(person, place, onward=False)

    def _ask(self, person: int, place: int, *, onward: bool) -> None:
        now = self.clock.now
        bot, shard = self._who_hears(place)
        work = next(self._length) + (self.measured.reading if onward else 0.0)
        request = Request(person, place, bot, now, work)
        self.record.arrived.append(now)
        self._count(+1)
        if shard is not None and not self.gateway.connected(shard, now):
            self._end(request, End.UNHEARD)
        elif bot.down_until > now:  # Telegram keeps it until somebody listens
            self.clock.at(bot.down_until, self._hear, request)
        else:
            self._hear(request)

    def _who_hears(self, place: int) -> tuple[Bot, int | None]:
        """The process that hears of a place, and through which shard of Discord. What is about no
        server comes through the first one."""
        if place == PRIVATE or place >= self.demand.servers:
            return self.telegram_bot, None
        shard = 0 if place == DIRECT else place % self.shards
        return self.bots[shard // self.fleet.shards], shard

    def _hear(self, request: Request) -> None:
        bot = request.bot
        ready = bot.loop.serve(self.clock.now, bot.cost.receive)
        refusal = bot.refusal(request, self.fleet.queue_limit)
        if refusal is None:
            bot.running[request.person] = request
            self.clock.at(ready, self._keep, request)
            return
        if bot.telegram:
            self.token.mention()
        self._end(request, refusal)

    def _keep(self, request: Request) -> None:
        """The store has it, but nobody is kept waiting for long for that; and the platform is told
        that an answer comes."""
        if request.void:
            return
        now = self.clock.now
        if request.bot.telegram:  # its update was kept first
            self.store.serve(now, self._transaction)
            self.token.mention()
        kept = self.store.serve(now, self._transaction) + self.measured.commit
        self.clock.at(min(kept, now + KEEP_SECONDS) + next(self._network), self._write, request)

    @property
    def _transaction(self) -> float:
        return self.measured.transaction / self.fleet.fraction

    def _write(self, request: Request) -> None:
        if not request.void:
            request.acknowledged = request.acknowledged or self.clock.now
            self.pool.submit(request)

    def _begun(self, request: Request, first: float) -> None:
        request.first = first

    def _written(self, request: Request) -> None:
        if request.void:
            return
        now, bot = self.clock.now, request.bot
        if now - request.asked > JOB_SECONDS:
            self._end(request, End.GIVEN_UP)
            return
        ready = bot.loop.serve(now, bot.cost.deliver)
        if bot.telegram:
            self.clock.at(ready, self._send, request)
        else:
            self.clock.at(ready + next(self._network), self._answered, request)

    def _send(self, request: Request) -> None:
        group = request.place if request.place >= 0 else None
        self.token.send(group, self._sent, request)

    def _sent(self, request: Request) -> None:
        self.clock.at(self.clock.now + next(self._network), self._answered, request)

    def _answered(self, request: Request) -> None:
        if request.void:
            return
        now, record = self.clock.now, self.record
        heard = self.fleet.network[0] / 2  # what people did was on its way for so long
        record.asked.append(request.asked)
        record.acknowledged.append(request.acknowledged - request.asked + heard)
        record.first.append(request.first - request.asked + heard)
        record.done.append(now - request.asked + heard)
        record.telegram.append(request.bot.telegram)
        self.store.serve(now, self._transaction)
        self._end(request, End.ANSWERED)
        self._perhaps_ask_again(request)

    def _perhaps_ask_again(self, request: Request) -> None:
        chance, demand = next(self._chance), self.demand
        if chance >= demand.again + demand.onward:
            return
        moment = self.clock.now + next(self._pause)
        if moment < self._horizon:
            onward = chance < demand.onward
            self.clock.at(moment, lambda: self._ask(request.person, request.place, onward=onward))

    def _end(self, request: Request, end: End) -> None:
        self.record.ends[end] += 1
        self._count(-1)
        if request.bot.running.get(request.person) is request:
            del request.bot.running[request.person]

    def _count(self, change: int) -> None:
        now = self.clock.now
        self.record.presence += self._under_way * (now - self._noted)
        self._under_way += change
        self._noted = now

    def _fail(self, failure: Failure) -> None:
        if failure.what == "replica":
            self.pool.lose(self.fleet.detect, self._lost)
        elif failure.what == "telegram":
            self._kill(self.telegram_bot, self.fleet.lease)
        else:
            bot = self.bots[failure.number % len(self.bots)]
            self._kill(bot, self.fleet.restart)
            self.gateway.begin_anew(bot.shards, self.clock.now + self.fleet.restart)

    def _lost(self, request: Request) -> None:
        """A text whose replica died is written again, so many times."""
        if request.void:
            return
        request.runs += 1
        if request.runs > RERUNS:
            self._end(request, End.GIVEN_UP)
        else:
            self.record.reruns += 1
            self.pool.submit(request, first=True)

    def _kill(self, bot: Bot, down: float) -> None:
        """What was accepted is gone on with, after the lease; of the rest Discord says itself that
        nobody answered."""
        now = self.clock.now
        bot.down_until = now + down
        for request in list(bot.running.values()):
            request.void = True
            if bot.telegram or request.acknowledged:
                copied = bot.running[request.person] = request.copy()
                self.record.reruns += 1
                self.clock.at(now + self.fleet.lease, self._write, copied)
            else:
                self._end(request, End.UNHEARD)

    def _sample(self) -> Events:
        while True:
            yield self.clock.timeout(SAMPLE_SECONDS)
            lines = [*(bot.loop for bot in self.bots), self.telegram_bot.loop, self.store]
            busy = [line.busy for line in lines]
            shares = [(b - a) / SAMPLE_SECONDS for a, b in zip(self._busy, busy, strict=True)]
            self._busy, pool = busy, self.pool
            *loops, telegram, store = shares
            sample = Sample(
                self.clock.now, len(pool.replicas), pool.starting, pool.ongoing, len(pool.waiting),
                sum(loops) / len(loops), max(loops), telegram, store, self.token.delay,
            )  # fmt: skip
            self.record.samples.append(sample)

    def _finished(self) -> Record:
        record, now = self.record, self.clock.now
        self._count(0)
        record.ends[End.GIVEN_UP] += self._under_way
        record.ended = now
        for replica in (*self.pool.replicas, *self.pool.past):
            record.busy_seconds += replica.busy
            record.replica_seconds += (replica.ended or now) - replica.begun
        return record


def _lognormal(random: np.random.Generator, median: float, spread: float) -> Iterator[float]:
    return numbers(lambda count: median * np.exp(spread * random.standard_normal(count)))


def _lengths(random: np.random.Generator, quantiles: tuple[float, ...]) -> Iterator[float]:
    steps = np.linspace(0.0, 1.0, len(quantiles))
    return numbers(lambda count: np.interp(random.random(count), steps, quantiles))
