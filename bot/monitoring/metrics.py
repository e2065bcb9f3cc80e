"""The bot in Prometheus' terms: what is noted elsewhere, read when somebody asks for it.

Names follow https://prometheus.io/docs/practices/naming; `deploy/` has a dashboard and alerts over
them. No label holds a person, a server or a word of anybody's.
"""

from __future__ import annotations

import math
import platform as machine
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.context import Core
from bot.executor.model_info import Replica
from bot.monitoring.health import Health
from bot.requests.job import Outcome
from bot.requests.platform import Platform
from bot.service.stats import Samples, Stats

PREFIX = "litteragpt"


def metrics_registry(health: Health) -> CollectorRegistry:
    """All there is to tell of the bot, its process and its worker's."""
    registry = CollectorRegistry()
    registry.register(BotCollector(health))
    ProcessCollector(registry=registry)
    ProcessCollector(f"{PREFIX}_worker", lambda: _worker_pid(health), registry=registry)
    return registry


def _worker_pid(health: Health) -> int | str:
    pid = None if health.core is None else health.core.executor.worker_pid
    return "none" if pid is None else pid


class BotCollector(Collector):
    """Reads the figures of a bot at the moment they are asked for; few before it serves."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Every metric family of ours."""
        core = self._health.core
        python = machine.python_version()
        yield _info("program", "The program.", version=version("litteragpt"), python=python)
        if core is None:
            return
        yield from _of_requests(core.service.stats, core.administration.platforms)
        yield from _of_work(core)
        yield from _of_worker(core)
        yield from _of_platforms(core)
        yield from _of_shards(core.administration.platforms)
        yield _gauge("store_bytes", "Size of the store's files.", core.store.size)
        yield _gauge("store_failing", "1 while nothing can be kept.", core.store.failing)


def _of_requests(stats: Stats, platforms: list[Platform]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        f"{PREFIX}_requests", "Requests by what came of them.", labels=("platform", "outcome")
    )
    for platform in platforms:
        for outcome in Outcome:  # those that never happened too: a rate needs a beginning
            requests.add_metric((platform.name, outcome), stats.outcomes[platform.name, outcome])
    yield requests
    for name, meaning, samples in (
        ("acknowledgement", "From a request to the first sign.", stats.acknowledged),
        ("first_character", "From a request to the first character written.", stats.begun),
        ("answer", "From a request to the final message.", stats.answered),
    ):
        family = HistogramMetricFamily(f"{PREFIX}_{name}_seconds", meaning, labels=("platform",))
        for platform in platforms:
            each = samples.of[platform.name]
            family.add_metric((platform.name,), _buckets(each), each.total)
        yield family


def _of_work(core: Core) -> Iterator[Metric]:
    service, stats = core.service, core.service.stats
    yield _gauge("queue_length", "Requests that wait for their turn.", service.waiting)
    yield _gauge("running", "Requests with their turn, or being delivered.", service.running)
    yield _gauge("paused", "1 while an admin has paused the bot.", service.admission.paused)
    yield _gauge("batch_size", "Texts that are written together.", core.executor.pending)
    yield _gauge("batch_limit", "How many may be.", core.service.slots)
    yield _histogram("writing_seconds", "From the turn to the finished text.", stats.written)
    yield _counter("characters", "Characters of finished texts.", stats.characters)
    yield _gauge("characters_per_second", "Speed of the last text.", stats.speed or 0.0)
    yield _histogram("loop_lag_seconds", "How late the event loop wakes up.", stats.lag)


def _of_worker(core: Core) -> Iterator[Metric]:
    executor, serving = core.executor, core.executor.serving
    yield _gauge("worker_up", "1 while the worker answers.", executor.answering)
    yield _counter("worker_restarts", "Workers started after the first.", executor.restarts)
    reloads = CounterMetricFamily(f"{PREFIX}_reloads", "Checkpoints loaded.", labels=("outcome",))
    reloads.add_metric(("done",), executor.reloads)
    reloads.add_metric(("failed",), executor.failed_reloads)
    yield reloads
    yield from _of_replicas(executor.replicas or ())
    yield _info(
        "checkpoint",
        "What texts are written with.",
        name=serving.name,
        id=serving.checkpoint,
        engine=serving.engine,
        device=serving.device,
    )


def _of_replicas(replicas: Sequence[Replica]) -> Iterator[Metric]:
    """A cluster's, by node and checkpoint; the names of replicas are new ones every time."""
    where = ("node", "checkpoint")
    counted = Counter((each.node, each.checkpoint) for each in replicas)
    writing, rows = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in replicas:
        writing[each.node, each.checkpoint] += each.writing
        rows[each.node, each.checkpoint] += each.rows
    for name, meaning, values in (
        ("replicas", "Replicas of the cluster that answer.", counted),
        ("replicas_writing", "Texts they have to write, of all bots.", writing),
        ("replicas_rows", "How many they write at a time.", rows),
    ):
        family = GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=where)
        for labels in counted:
            family.add_metric(labels, values[labels])
        yield family


def _of_platforms(core: Core) -> Iterator[Metric]:
    connected = GaugeMetricFamily(
        f"{PREFIX}_connected", "1 while events arrive.", labels=("platform",)
    )
    reconnects = CounterMetricFamily(
        f"{PREFIX}_reconnects", "Connections after the first.", labels=("platform",)
    )
    limited = CounterMetricFamily(
        f"{PREFIX}_rate_limited", "Answers 429 of the platform.", labels=("platform",)
    )
    for platform in core.administration.platforms:
        connection, labels = platform.connection, (platform.name,)
        connected.add_metric(labels, connection.up or connection.standing_by)
        reconnects.add_metric(labels, connection.reconnects)
        limited.add_metric(labels, core.service.stats.rate_limited[platform.name])
    yield from (connected, reconnects, limited)


def _of_shards(platforms: list[Platform]) -> Iterator[Metric]:
    """Of platforms that shard: a line each for the shards of this process and no others."""
    count = GaugeMetricFamily(
        f"{PREFIX}_shards", "Shards in all processes together.", labels=("platform",)
    )
    each = ("platform", "shard")
    connected = GaugeMetricFamily(
        f"{PREFIX}_shard_connected", "1 while its events arrive.", labels=each
    )
    reconnects = CounterMetricFamily(
        f"{PREFIX}_shard_reconnects", "Connections after the first.", labels=each
    )
    servers = GaugeMetricFamily(
        f"{PREFIX}_shard_servers", "Servers when its session began.", labels=each
    )
    latency = GaugeMetricFamily(
        f"{PREFIX}_shard_latency_seconds", "Of a heartbeat, there and back.", labels=each
    )
    for platform in platforms:
        connection = platform.connection
        if connection.total is None:
            continue
        count.add_metric((platform.name,), connection.total)
        for number, line in connection.lines.items():
            labels = (platform.name, str(number))
            connected.add_metric(labels, line.up)
            reconnects.add_metric(labels, line.reconnects)
            servers.add_metric(labels, line.servers or 0)
            latency.add_metric(labels, line.latency())
    yield from (count, connected, reconnects, servers, latency)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", meaning, value=value)


def _info(name: str, meaning: str, /, **labels: str) -> Metric:
    return InfoMetricFamily(f"{PREFIX}_{name}", meaning, value=labels)


def _histogram(name: str, meaning: str, samples: Samples) -> Metric:
    return HistogramMetricFamily(
        f"{PREFIX}_{name}", meaning, buckets=_buckets(samples), sum_value=samples.total
    )


def _buckets(samples: Samples) -> list[tuple[str, float]]:
    return [
        ("+Inf" if math.isinf(bound) else str(bound), float(count))
        for bound, count in samples.buckets()
    ]
