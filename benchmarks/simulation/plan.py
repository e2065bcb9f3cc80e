"""The machines that a demand needs, their cost, and the saturation of each part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.demand import DAY, PEAK, Demand
from benchmarks.simulation.measured import Measured
from bot.adapters.telegram.rate_limiter import EVERYWHERE
from bot.settings.settings import Settings

# https://docs.discord.com/developers/events/gateway#sharding
SHARD_SERVERS = 2_500
SHARDS = 4  # per Discord process


def default(name: str) -> int:
    """The default of a numeric setting."""
    return int(Settings.model_fields[name].default)


@dataclass(frozen=True)
class Rules:
    """How machines are chosen and paid for.

    busy: share of its time that a replica writes at the peak; the rest absorbs bursts.
    rows: slots of a replica.
    price: euros per core and hour, an example.
    store_cores: cores of the store.
    """

    busy: float = 0.6
    rows: int = default("max_batch")
    price: float = 0.04
    store_cores: int = 4


@dataclass(frozen=True)
class Plan:
    """Machines for one day.

    peak: requests per second at the busiest moment.
    replicas: replicas at the peak; mean_replicas: over the day, if their number follows the hours.
    bots: bot processes, one of them for Telegram.
    loop, store: share of its capacity that each Discord event loop and the store use at the peak.
    cost: euros per million requests.
    """

    peak: float
    replicas: int
    mean_replicas: float
    bots: int
    loop: float
    store: float
    cost: float


def work_per_request(demand: Demand, measured: Measured) -> float:
    """Characters that a replica writes for a mean request; the prefill counts as characters."""
    return float(np.mean(measured.lengths)) + demand.onward * measured.reading


def replica_capacity(demand: Demand, measured: Measured, rows: int) -> float:
    """Requests per second of one replica: its lowest speed with an eighth of its slots or more."""
    totals = np.arange(rows + 1) * measured.replica.rates(rows)
    return float(totals[max(1, rows // 8) :].min()) / work_per_request(demand, measured)


def plan(demand: Demand, measured: Measured, rules: Rules) -> Plan:
    """The machines for a demand."""
    usable = rules.busy * replica_capacity(demand, measured, rules.rows)
    mean_replicas = float(np.maximum(1, np.ceil(demand.hourly() / usable)).mean())
    shards = math.ceil(demand.servers / SHARD_SERVERS)
    discord_bots = math.ceil(shards / SHARDS)
    bots = discord_bots + 1
    cores = mean_replicas + bots + rules.store_cores
    on_discord = demand.peak * (1 - demand.telegram)
    return Plan(
        peak=demand.peak,
        replicas=max(1, math.ceil(demand.peak / usable)),
        mean_replicas=mean_replicas,
        bots=bots,
        loop=on_discord / discord_bots * measured.discord,
        store=demand.peak / measured.store,
        cost=24 * cores * rules.price / demand.requests * 1e6,
    )


def people_at(rate: float, demand: Demand) -> float:
    """People per day whose requests reach `rate` per second at the peak."""
    return rate * DAY / (PEAK * demand.per_person)


def limits(demand: Demand, measured: Measured, rules: Rules) -> dict[str, float]:
    """Requests per second at which each single part is saturated."""
    messages, seconds = EVERYWHERE
    return {
        "one core that writes": replica_capacity(demand, measured, rules.rows),
        "one Telegram token": messages / seconds,
        "one event loop, Discord": 1 / measured.discord,
        "one PostgreSQL": measured.store,
    }
