"""The model: the engine and the reason for it, the device, the checkpoint and a sample answer."""

from __future__ import annotations

import time
from typing import Any

from bot.ops.doctor.findings import Finding, Grade, good, warning
from bot.settings.settings import Settings
from bot.texts import explain, say
from model.checkpoint.discovery import check_permission, find_checkpoint
from model.engine.backend import EngineName
from model.engine.generate import generate
from model.errors import CheckpointError, CodedError, DeviceError
from model.native.library import instruction_sets
from model.runtime import Runtime, choose_runtime, gpu_drivers
from model.text.prompt import Options

PHRASE = "En un lugar de la Mancha"
# Characters per second; a slower answer of two sentences takes more than ten seconds.
LEAST_SPEED = 30.0


def examine(settings: Settings) -> list[Finding]:
    """Choose a runtime as the worker does, load the checkpoint and generate an answer."""
    try:
        runtime = choose_runtime(settings.engine, settings.device, settings.threads)
    except DeviceError as error:
        return [_failure(error, "motor")]
    return [
        *_decoder(settings, runtime),
        *_device(settings, runtime),
        *_checkpoint(settings, runtime),
    ]


def _decoder(settings: Settings, runtime: Runtime) -> list[Finding]:
    values = {"threads": runtime.threads, "device": settings.device}
    if runtime.engine == "native":
        key = "doctor_native_cpu" if settings.device == "cpu" else "doctor_native"
        if settings.engine == "native":
            key = "doctor_native_wanted"
        return [good("motor", key, instructions=instruction_sets()[0], **values)]
    if settings.engine == "pytorch":
        return [good("motor", "doctor_pytorch_wanted", **values)]
    if runtime.device != "cpu":
        return [good("motor", "doctor_pytorch_gpu", **values)]
    return [warning("motor", "doctor_pytorch_only", **values)]


def _device(settings: Settings, runtime: Runtime) -> list[Finding]:
    if runtime.device != "cpu":
        import torch

        name = torch.cuda.get_device_name(runtime.device)
        return [good("dispositivo", "doctor_gpu", name=name)]
    known = ", ".join(instruction_sets()) or say("doctor_cpu_unknown")
    if settings.device == settings.engine == "auto" and gpu_drivers():
        return [warning("dispositivo", "doctor_gpu_unused", known=known)]
    return [good("dispositivo", "doctor_cpu", known=known)]


def _checkpoint(settings: Settings, runtime: Runtime) -> list[Finding]:
    try:
        folder = find_checkpoint(settings.checkpoint, settings.checkpoints_dir)
        check_permission(folder)
        checkpoint = runtime.load(folder)
    except CheckpointError as error:
        return [_failure(error, "modelo")]
    options = Options(seed=1, sentence_limit=settings.sentence_limit)
    if runtime.device != "cpu":
        generate(checkpoint, PHRASE, options)  # warm-up
    started = time.monotonic()
    result = generate(checkpoint, PHRASE, options)
    speed = result.characters / max(1e-6, time.monotonic() - started)
    values: dict[str, Any] = {"name": checkpoint.name, "id": checkpoint.id, "speed": speed}
    if speed < LEAST_SPEED:
        return [warning("modelo", "doctor_slow", **values)]
    if runtime.device != "cpu":
        return [on_gpu(checkpoint.decoder.engine, len(result.sentences), values)]
    return [good("modelo", "doctor_writes", sentences=len(result.sentences), **values)]


def on_gpu(engine: EngineName, sentences: int, values: dict[str, Any]) -> Finding:
    """The finding about the engine that ran on a GPU.

    values: `name` and `id` of the checkpoint, `speed` in characters per second."""
    if engine == "kernels-graphs":
        return good(
            "modelo", "doctor_writes_gpu", sentences=sentences, engine=say(engine), **values
        )
    return warning("modelo", "doctor_gpu_slower", engine=say(engine), **values)


def _failure(error: CodedError, part: str) -> Finding:
    remedy = say(
        "doctor_device_remedy" if isinstance(error, DeviceError) else "doctor_checkpoint_remedy"
    )
    return Finding(part, Grade.PROBLEM, explain(error), remedy)
