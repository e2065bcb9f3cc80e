"""llama.cpp runs exports and gives our texts.

It is built from source, which takes minutes, so it has an environment of its own, made by
`make test-export`; where that is missing these tests are skipped.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from model.checkpoint.checkpoint import StoredCheckpoint
from model.exchange.gguf import export_gguf
from model.exchange.qwen3 import Precision
from model.pytorch.checkpoint import TorchCheckpoint
from tests.conftest import REPOSITORY
from tests.model.exchange.conftest import likeliest

PYTHON = REPOSITORY / ".venv-llama" / "bin" / "python"
DRIVER = Path(__file__).parent / "llama_driver.py"
PHRASES = [
    "En un lugar de la Mancha",
    "—¿Quién anda ahí",
    "La marquesa abrió la ventana y",
    "Pues sepa vuestra merced",
    "Era",
]
CHARACTERS = 200
READ = ["Sí. No", "Sí.\nNo", "¡Año nuevo! —dijo «él»—", "<|galdos|>Era", "a😀ßb€c", ""]
TEXT = "Se puso el sol. Tras el breve crepúsculo vino tranquila y obscura la noche, en cuyo negro"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="llama.cpp is not built; run: make test-export"
)


def ask(
    stored: StoredCheckpoint, folder: Path, precision: Precision, phrases: list[str]
) -> dict[str, Any]:
    """llama.cpp's answers for a file of this precision."""
    path = folder / f"small-{precision}.gguf"
    export_gguf(stored, path, precision)
    question = {
        "model": str(path),
        "context": stored.config.context,
        "characters": CHARACTERS,
        "phrases": phrases,
        "read": READ,
        "text": TEXT.replace(". ", ".\n"),
    }
    done = subprocess.run(
        [PYTHON, DRIVER], input=json.dumps(question), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def answer(stored: StoredCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return ask(stored, tmp_path_factory.mktemp("gguf"), "f32", PHRASES)


def test_greedy_text_equals_ours(answer: dict[str, Any], small: TorchCheckpoint) -> None:
    for phrase, written in zip(PHRASES, answer["written"], strict=True):
        assert len(written) == CHARACTERS
        expected = small.tokenizer.decode(likeliest(small, phrase, CHARACTERS))
        assert phrase + written.replace("\n", " ") == expected


@pytest.mark.parametrize(("precision", "allowed"), [("f32", 1e-4), ("f16", 3e-3), ("q8_0", 3e-2)])
def test_loss_matches_precision(
    stored: StoredCheckpoint,
    small: TorchCheckpoint,
    tmp_path: Path,
    precision: Precision,
    allowed: float,
) -> None:
    tokens = torch.tensor([[small.tokenizer.start, *small.tokenizer.encode(TEXT)]])
    with torch.inference_mode():
        ours = float(F.cross_entropy(small.decoder(tokens)[0, :-1], tokens[0, 1:]))
    theirs = ask(stored, tmp_path, precision, [])["loss"]
    assert theirs == pytest.approx(ours, abs=allowed)


def test_tokenizer_reads_characters_lines_and_marks(
    answer: dict[str, Any], small: TorchCheckpoint
) -> None:
    ids, tokenizer = small.tokenizer.character_ids, small.tokenizer
    spelled = [[ids[each] for each in text if each in ids] for text in READ]
    expected = [
        spelled[0],
        tokenizer.encode("Sí. No"),
        spelled[2],
        [tokenizer.style_id("galdos"), *tokenizer.encode("Era")],
        tokenizer.encode("abc"),
        [],
    ]
    assert answer["tokens"] == [[tokenizer.start, *each] for each in expected]
    assert answer["shown"][:3] == READ[:3]
