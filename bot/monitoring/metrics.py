"""The Prometheus metrics, collected from the bot's own counters on every scrape.

Names follow https://prometheus.io/docs/practices/naming; `deploy/` has a dashboard and alerts that
use them. No label holds a person, a server or a user's text.
"""

from __future__ import annotations

import math
import platform as machine
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from bot.executor.model_info import ReplicaInfo
from bot.requests.connection import Connection
from bot.requests.job import Outcome
from bot.service.stats import Samples, Stats

PREFIX = "litteragpt"

# Returns the running bot, None while it starts or stops.
Source = Callable[[], Core | None]


def metrics_registry(source: Source) -> CollectorRegistry:
    """The metrics of the bot, of its process and of its worker's process."""
    registry = CollectorRegistry()
    registry.register(BotCollector(source))
    ProcessCollector(registry=registry)
    ProcessCollector(f"{PREFIX}_worker", lambda: _worker_pid(source()), registry=registry)
    return registry


def _worker_pid(core: Core | None) -> int | str:
    pid = None if core is None else core.executor.worker_pid
    return "none" if pid is None else pid


class BotCollector(Collector):
    """Collects the metrics of a running bot; only its version while it starts."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """Every metric family of the bot."""
        core = self._source()
        python = machine.python_version()
        yield _info("program", "The program.", version=version("litteragpt"), python=python)
        if core is None:
            return
        yield from _of_requests(core.service.stats, core.connections)
        yield from _of_work(core)
        yield from _of_worker(core)
        yield from _of_platforms(core)
        yield from _of_shards(core.connections)
        yield _gauge("store_bytes", "Size of the store's files.", core.store.size)
        yield _gauge("store_failing", "1 while nothing can be kept.", core.store.failing)


def _of_requests(stats: Stats, platforms: Iterable[str]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        f"{PREFIX}_requests", "Requests by what came of them.", labels=("platform", "outcome")
    )
    for platform in platforms:
        for outcome in Outcome:  # zeros too: a rate needs a first sample
            requests.add_metric((platform, outcome), stats.outcomes[platform, outcome])
    yield requests
    for name, meaning, samples in (
        ("acknowledgement", "From a request to the first sign.", stats.acknowledged),
        ("first_character", "From a request to the first character written.", stats.begun),
        ("answer", "From a request to the final message.", stats.answered),
    ):
        family = HistogramMetricFamily(f"{PREFIX}_{name}_seconds", meaning, labels=("platform",))
        for platform in platforms:
            each = samples.of[platform]
            family.add_metric((platform,), _buckets(each), each.total)
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
    reloads.add_metric(("done",), executor.reloads.done)
    reloads.add_metric(("failed",), executor.reloads.failed)
    yield reloads
    yield from _of_replicas(executor.pool.replicas or ())
    yield _info(
        "checkpoint",
        "What texts are written with.",
        name=serving.name,
        id=serving.checkpoint,
        engine=serving.engine,
        device=serving.device,
    )


def _of_replicas(replicas: Sequence[ReplicaInfo]) -> Iterator[Metric]:
    """Replicas of a cluster by node and checkpoint; their own names change at every start."""
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
    for name, connection in core.connections.items():
        labels = (name,)
        connected.add_metric(labels, connection.up or connection.standing_by)
        reconnects.add_metric(labels, connection.reconnects)
        limited.add_metric(labels, core.service.stats.rate_limited[name])
    yield from (connected, reconnects, limited)


def _of_shards(connections: Mapping[str, Connection]) -> Iterator[Metric]:
    """The shards of this process, on platforms that have shards."""
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
    for name, connection in connections.items():
        if connection.total is None:
            continue
        count.add_metric((name,), connection.total)
        for number, line in connection.lines.items():
            labels = (name, str(number))
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
