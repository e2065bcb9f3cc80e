"""Findings about the engine, the device, the checkpoint and the libraries."""

from __future__ import annotations

import pytest

from bot.ops.doctor import Grade, generation, machine
from tests.bot.ops.doctor.patient import Broken, Patient, with_settings

PROBLEM = Grade.PROBLEM

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


def delete_weights(patient: Patient) -> None:
    (patient.own_models() / "model.safetensors").unlink()


def damage_configuration(patient: Patient) -> None:
    (patient.own_models() / "config.json").write_text("{")


BROKEN: dict[str, Broken] = {
    "an engine without that device": (
        with_settings(LITTERAGPT_ENGINE="native", LITTERAGPT_DEVICE="cuda"),
        PROBLEM,
        "Cambie LITTERAGPT_ENGINE o LITTERAGPT_DEVICE",
    ),
    "an unknown checkpoint": (
        with_settings(LITTERAGPT_CHECKPOINT="nadie"),
        PROBLEM,
        "nombre otro en LITTERAGPT_CHECKPOINT",
    ),
    "a checkpoint without weights": (delete_weights, PROBLEM, "Copie de nuevo la carpeta"),
    "a damaged checkpoint": (
        damage_configuration,
        PROBLEM,
        "Copie de nuevo la carpeta",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_reports_unusable_model(patient: Patient, name: str) -> None:
    await patient.check(*BROKEN[name])


async def test_reports_gpu_engine() -> None:
    values = {"name": "small", "id": "abc", "speed": 20_000.0}
    best = generation.on_gpu("kernels-graphs", 2, values)
    assert (best.grade, best.remedy) == (Grade.GOOD, "")
    assert "20000" in best.text
    assert "grafos CUDA" in best.text
    worse = generation.on_gpu("pytorch", 2, values)
    assert worse.grade == Grade.WARNING
    assert "pytorch" in worse.text
    assert "Triton" in worse.remedy


async def test_reports_missing_and_outdated_libraries() -> None:
    missing, old = machine.libraries(["no-such-library>=1", "numpy<1", "aiohttp>=3"])
    assert "pip install 'no-such-library'" in missing.remedy
    assert "pip install 'numpy<1'" in old.remedy
    assert machine.libraries(["nothing ; extra == 'never'"])[0].grade is Grade.GOOD
