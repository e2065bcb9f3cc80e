"""Findings about the cluster: can it be reached, which replicas run, do they write."""

from __future__ import annotations

from bot.cluster.ray.options import cluster_options, ray_is_installed
from bot.executor.executor import Executor
from bot.ops.doctor.findings import Finding, Grade, good, problem, warning
from bot.service.errors import sentence
from bot.settings.settings import Settings
from bot.texts import explain, say
from model.errors import CodedError, LitteraError
from model.text.prompt import Options

PART = "clúster"
PHRASE = "En un lugar de la Mancha"


async def examine(settings: Settings) -> list[Finding]:
    """Join the cluster as the bot would, and request a text."""
    if not ray_is_installed():
        return [problem(PART, "doctor_no_ray")]
    executor = Executor(cluster_options(settings, settings.checkpoint))
    try:
        await executor.start()
    except CodedError as error:
        return [Finding(PART, Grade.PROBLEM, explain(error), say("doctor_cluster_remedy"))]
    except LitteraError as error:
        return [Finding(PART, Grade.PROBLEM, sentence(error), say("doctor_cluster_remedy"))]
    try:
        return [*_replicas(executor, settings), await _writing(executor, settings)]
    finally:
        await executor.close()


def _replicas(executor: Executor, settings: Settings) -> list[Finding]:
    replicas, serving = executor.pool.replicas or (), executor.serving
    count = len(replicas)
    values = {"address": settings.ray_address, "replicas": count, "rows": executor.pool.slots}
    findings = [good(PART, "doctor_cluster", **values)]
    outdated = [each.node for each in replicas if each.checkpoint != serving.checkpoint]
    if outdated:
        findings.append(warning(PART, "doctor_cluster_mixed", nodes=", ".join(outdated)))
    return findings


async def _writing(executor: Executor, settings: Settings) -> Finding:
    options = Options(seed=1, sentence_limit=settings.sentence_limit)
    try:
        result = await executor.submit(PHRASE, options).result()
    except LitteraError as error:
        return Finding(PART, Grade.PROBLEM, sentence(error), say("doctor_cluster_remedy"))
    serving = executor.serving
    values = {"name": serving.name, "id": serving.checkpoint}
    return good(PART, "doctor_cluster_writes", sentences=len(result.sentences), **values)
