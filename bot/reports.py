"""What the bot says of itself: the model that writes, and how the work goes."""

from __future__ import annotations

import platform as machine
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from bot.executor import Executor
from bot.failures import sentence
from bot.platform import Platform
from bot.service import Service
from bot.serving import Reloaded, Replica, ReplicaReload, RolledBackError, Serving
from bot.texts import ENGLISH, SPANISH, duration, explain, say
from bot.vitals import PlatformSamples, Samples, resident_memory
from model.errors import LitteraError


def label(serving: Serving) -> str:
    """A checkpoint's name and id."""
    return f"{serving.name} ({serving.checkpoint})"


def loss_of(serving: Serving, language: str = SPANISH) -> str:
    """A checkpoint's loss in words."""
    if serving.loss is None:
        return say("loss_unknown", language)
    return say("loss", language, loss=serving.loss)


def model_report(serving: Serving, speed: float | None, language: str = SPANISH) -> str:
    """Which model writes; `speed` is that of the last answer, in characters per second."""
    known = "speed_unknown" if speed is None else "speed"
    return say(
        "model_info",
        language,
        name=serving.name,
        id=serving.checkpoint,
        parameters=_grouped(serving.parameters, language),
        loss=loss_of(serving, language),
        device=serving.device,
        engine=say(serving.engine, language),
        threads=serving.threads,
        speed=say(known, language, speed=speed),
        styles=", ".join(serving.styles) or say("no_styles", language),
    )


def reload_report(done: Reloaded, language: str = SPANISH) -> str:
    """What a reload changed, and how long it took, on every replica if there are any."""
    told = say(
        "reload_done",
        language,
        seconds=done.seconds,
        old=label(done.old),
        new=label(done.new),
        loss=loss_of(done.new, language),
    )
    return "\n".join([told, *(_replica_reload(each, language) for each in done.replicas)])


def failed_reload_report(old: Serving, error: LitteraError, language: str = SPANISH) -> str:
    """Why a reload changed nothing, and which replica could not, if there are any."""
    told = say("reload_failed", language, old=label(old), error=sentence(error, language))
    replicas = error.replicas if isinstance(error, RolledBackError) else ()
    return "\n".join([told, *(_replica_reload(each, language) for each in replicas)])


def _replica_reload(done: ReplicaReload, language: str) -> str:
    where = {"name": done.name, "node": done.node}
    if done.error is not None:
        return say("replica_failed", language, error=explain(done.error, language), **where)
    if done.seconds is None:
        return say("replica_undone", language, **where)
    return say("replica_loaded", language, seconds=done.seconds, **where)


def status_report(
    service: Service, executor: Executor, platforms: Iterable[Platform], language: str
) -> str:
    """How the bot is doing, in a few lines for whoever runs it."""
    vitals, serving = service.vitals, executor.serving
    told = say(
        "status_report",
        language,
        state=say("state_paused" if service.paused else "state_serving", language),
        uptime=duration(vitals.uptime),
        version=version("litteragpt"),
        python=machine.python_version(),
        torch=_version("torch"),
        name=serving.name,
        id=serving.checkpoint,
        device=serving.device,
        threads=serving.threads,
        running=service.running,
        waiting=service.waiting,
        answered=vitals.answers,
        failed=vitals.failures,
        ack50=_seconds(vitals.acknowledged, 50),
        ack99=_seconds(vitals.acknowledged, 99),
        answer50=_seconds(vitals.answered, 50),
        answer99=_seconds(vitals.answered, 99),
        lag=_milliseconds(vitals.lag, 99),
        memory=_megabytes(resident_memory()),
        worker_memory=_megabytes(executor.worker_pid and resident_memory(executor.worker_pid)),
        restarts=executor.restarts,
        platforms=", ".join(
            f"{each.name} {say('connected' if each.connection.up else 'disconnected', language)}"
            for each in platforms
        ),
        store=service.store.trouble or say("store_fine", language),
    )
    return "\n".join([told, *replicas_report(executor.replicas, language)])


def replicas_report(replicas: Sequence[Replica] | None, language: str = SPANISH) -> list[str]:
    """Who writes in a cluster, a line each; nothing where there is none."""
    if replicas is None:
        return []
    if not replicas:
        return [say("replicas_none", language)]
    total = say(
        "replicas_report",
        language,
        count=len(replicas),
        writing=sum(each.writing for each in replicas),
        rows=sum(each.rows for each in replicas),
    )
    return [total, *(say("replica_report", language, **asdict(each)) for each in replicas)]


def _grouped(number: int, language: str) -> str:
    grouped = f"{number:,}"
    return grouped if language == ENGLISH else grouped.replace(",", ".")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _seconds(samples: PlatformSamples, percent: float) -> str:
    value = samples.percentile(percent)
    return "-" if value is None else f"{value:.2f} s"


def _milliseconds(samples: Samples, percent: float) -> str:
    value = samples.percentile(percent)
    return "-" if value is None else f"{1000 * value:.0f} ms"


def _megabytes(held: int | None) -> str:
    return "-" if held is None else f"{held / 2**20:.0f} MB"
