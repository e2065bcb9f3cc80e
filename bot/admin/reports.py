"""Texts about the bot itself: its model, the result of a reload, its status."""

from __future__ import annotations

import math
import platform as machine
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from bot.executor.executor import Executor
from bot.executor.model_info import ModelInfo, Reloaded, ReplicaInfo, ReplicaReload, RolledBackError
from bot.requests.connection import OK, STANDBY, Connection, Line
from bot.service.errors import sentence
from bot.service.service import Service
from bot.service.stats import PlatformSamples, Samples, resident_memory
from bot.store.coordination import Member
from bot.texts import SPANISH, explain, say
from bot.texts.formatting import duration, number
from bot.texts.number_ranges import write_ranges
from model.errors import LitteraError

# Above these numbers, shards are summed up and further processes only counted.
LINES_TOLD = 8
MEMBERS_TOLD = 12


def label(serving: ModelInfo) -> str:
    """A checkpoint's name and id."""
    return serving.label


def loss_of(serving: ModelInfo, language: str = SPANISH) -> str:
    """A checkpoint's loss as a sentence."""
    if serving.loss is None:
        return say("loss_unknown", language)
    return say("loss", language, loss=number(serving.loss, 4, language))


def model_report(serving: ModelInfo, speed: float | None, language: str = SPANISH) -> str:
    """Describe the model and the program's version.

    speed: of the last answer, in characters per second.
    """
    known = "speed_unknown" if speed is None else "speed"
    return say(
        "model_info",
        language,
        name=serving.name,
        id=serving.checkpoint,
        parameters=number(serving.parameters, language=language),
        loss=loss_of(serving, language),
        device=serving.device,
        engine=say(serving.engine, language),
        threads=serving.threads,
        speed=say(known, language, speed=speed),
        styles=", ".join(serving.styles) or say("no_styles", language),
        version=version("litteragpt"),
    )


def reload_report(done: Reloaded, language: str = SPANISH) -> str:
    """Report a reload: the old and the new checkpoint and the seconds, for each replica too."""
    told = say(
        "reload_done",
        language,
        seconds=number(done.seconds, 1, language),
        old=label(done.old),
        new=label(done.new),
        loss=loss_of(done.new, language),
    )
    return "\n".join([told, *(_replica_reload(each, language) for each in done.replicas)])


def failed_reload_report(old: ModelInfo, error: LitteraError, language: str = SPANISH) -> str:
    """Report why a reload failed, and on which replicas."""
    told = say("reload_failed", language, old=label(old), error=sentence(error, language))
    replicas = error.replicas if isinstance(error, RolledBackError) else ()
    return "\n".join([told, *(_replica_reload(each, language) for each in replicas)])


def _replica_reload(done: ReplicaReload, language: str) -> str:
    where = {"name": done.name, "node": done.node}
    if done.error is not None:
        return say("replica_failed", language, error=explain(done.error, language), **where)
    if done.seconds is None:
        return say("replica_undone", language, **where)
    return say("replica_loaded", language, seconds=number(done.seconds, 1, language), **where)


def status_report(
    service: Service, executor: Executor, connections: Mapping[str, Connection], language: str
) -> str:
    """Report on the bot in a few lines, for admins."""
    stats, serving = service.stats, executor.serving
    told = say(
        "status_report",
        language,
        state=say("state_paused" if service.admission.paused else "state_serving", language),
        uptime=duration(stats.uptime),
        version=version("litteragpt"),
        python=machine.python_version(),
        torch=_version("torch"),
        name=serving.name,
        id=serving.checkpoint,
        device=serving.device,
        threads=serving.threads,
        running=service.running,
        waiting=service.waiting,
        answered=stats.answers,
        failed=stats.failures,
        ack50=_seconds(stats.acknowledged, 50, language),
        ack99=_seconds(stats.acknowledged, 99, language),
        answer50=_seconds(stats.answered, 50, language),
        answer99=_seconds(stats.answered, 99, language),
        lag=_milliseconds(stats.lag, 99),
        memory=_megabytes(resident_memory()),
        worker_memory=_megabytes(executor.worker_pid and resident_memory(executor.worker_pid)),
        restarts=executor.restarts,
        platforms=", ".join(
            f"{name} {connection_report(each, language)}" for name, each in connections.items()
        ),
        store=service.store.trouble or say("store_fine", language),
    )
    replicas = replicas_report(executor.pool.replicas, language)
    return "\n".join([told, *replicas, *_members(service.store.coordinator.members, language)])


def following(others: Iterable[Member], mark: str | None, language: str) -> list[str]:
    """A line for each other process: whether it has followed the order with this mark."""
    lines = []
    for each in others:
        name, checkpoint = _name(each), each.state.get("checkpoint", "-")
        failure = each.state.get("failure")
        if each.state.get("mark") != mark:
            lines.append(say("reload_unheard", language, name=name))
        elif failure:
            lines.append(say("reload_behind", language, name=name, old=checkpoint, error=failure))
        else:
            lines.append(say("reload_followed", language, name=name, new=checkpoint))
    return lines


def _members(members: Sequence[Member], language: str) -> Iterator[str]:
    """A line for each process, where several share the store."""
    for each in members[:MEMBERS_TOLD]:
        if each.silent:
            yield say("member_silent", language, name=_name(each), since=duration(each.silent))
            continue
        words = each.state.get("platforms", {}).items()
        yield say(
            "member",
            language,
            name=_name(each),
            platforms=", ".join(f"{name} {_connection(word, language)}" for name, word in words),
            checkpoint=each.state.get("checkpoint", "-"),
            running=each.state.get("running", 0),
            waiting=each.state.get("waiting", 0),
        )
    if (more := len(members) - MEMBERS_TOLD) > 0:
        yield say("members_more", language, more=more)


def _name(member: Member) -> str:
    return str(member.state.get("name", member.identity))


def _connection(word: str, language: str) -> str:
    known = {OK: "connected", STANDBY: "standing_by"}
    return say(known.get(word, "disconnected"), language)


def connection_report(connection: Connection, language: str) -> str:
    """The state of a connection, with its shards if there are several."""
    lines = connection.lines
    down = [n for n, line in lines.items() if not line.up]
    told = say("connected" if not down else "partly_connected", language)
    if len(down) == len(lines):
        told = say("standing_by" if connection.standing_by else "disconnected", language)
    if down and connection.closed_for:
        told = say("sessions_spent", language, wait=duration(connection.closed_for))
    if connection.total is None:
        return told
    details = [_lines_report(list(lines.values()), language)]
    if connection.several:
        details.insert(0, f"shards {write_ranges(lines)}/{connection.total}")
        if down:
            details.append(f"{say('disconnected', language)}: {write_ranges(down)}")
        if 1 < len(lines) <= LINES_TOLD:
            details += [f"{n}: {_lines_report([line], language)}" for n, line in lines.items()]
    return f"{told} ({'; '.join(details)})"


def _lines_report(lines: list[Line], language: str) -> str:
    """The number of servers of these shards and the range of their latencies."""
    known = [line.latency() for line in lines if line.up and math.isfinite(line.latency())]
    shown = sorted({round(1000 * each) for each in (min(known), max(known))}) if known else ["-"]
    servers = sum(line.servers or 0 for line in lines)
    return say(
        "line_report",
        language,
        servers=number(servers, language=language),
        latency="-".join(map(str, shown)),
    )


def replicas_report(replicas: Sequence[ReplicaInfo] | None, language: str = SPANISH) -> list[str]:
    """A total and a line for each replica; empty without a cluster."""
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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _seconds(samples: PlatformSamples, percent: float, language: str) -> str:
    value = samples.percentile(percent)
    return "-" if value is None else f"{number(value, 2, language)} s"


def _milliseconds(samples: Samples, percent: float) -> str:
    value = samples.percentile(percent)
    return "-" if value is None else f"{1000 * value:.0f} ms"


def _megabytes(held: int | None) -> str:
    return "-" if held is None else f"{held / 2**20:.0f} MB"
