"""The bundled checkpoint generates the text that the README promises."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from model.checkpoint.discovery import bundled_checkpoints
from model.engine.backend import Backend
from model.engine.generate import generate
from model.engine.loaded_model import LoadedModel
from model.runtime import choose_runtime
from model.text.prompt import Options
from model.text.sentences import may_end, split_sentences

PHRASES = (
    "En un lugar de la Mancha",
    "—¿Quién anda ahí",
    "La marquesa abrió la ventana y",
    "Era",
    "Pues sepa vuestra merced",
    "El Sr. Cura",
    "«No me lo digas",
    "A las diez de la noche,",
)


@pytest.fixture(scope="module")
def small() -> LoadedModel[Backend]:
    return choose_runtime(device="cpu", threads=1).load(bundled_checkpoints() / "small")


@pytest.mark.parametrize("phrase", PHRASES)
def test_generates_two_complete_sentences(small: LoadedModel[Backend], phrase: str) -> None:
    result = generate(small, phrase, Options(seed=11))
    assert len(result.sentences) == 2
    assert all(map(may_end, result.sentences))
    assert split_sentences(result.text) == list(result.sentences)
    assert result.text.startswith(phrase)


@pytest.mark.parametrize("style", ["cervantes", "anonimo", "galdos", "baroja", "clarin"])
def test_generates_in_every_style(small: LoadedModel[Backend], style: str) -> None:
    result = generate(small, "Una mañana", Options(seed=3, style=style, sentences=1))
    assert may_end(result.sentences[0])


def test_first_command_of_readme_prints_spanish() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "escribe",
         "En un lugar de la Mancha", "--semilla", "7", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["texto"].startswith("En un lugar de la Mancha")
    assert len(answer["frases"]) == 2
    common = {"de", "la", "que", "y", "el", "en", "a", "los", "se", "no", "con", "un", "por", "su"}
    words = answer["texto"].lower().split()
    assert sum(word in common for word in words) > len(words) / 6
