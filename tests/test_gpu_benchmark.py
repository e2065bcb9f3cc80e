"""The GPU benchmark on a machine without a GPU, and its arithmetic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.limit import Limit


def test_measures_and_saves_without_gpu(tiny_checkpoint: Path, tmp_path: Path) -> None:
    saved = tmp_path / "gpu.json"
    few = ["--sizes", "1,2", "--rounds", "1", "--characters", "8", "--seconds", "0.2"]
    left = ["--people", "0", "--device", "cpu", "--shape", str(tiny_checkpoint)]
    command = [sys.executable, "-m", "benchmarks.gpu", *few, *left, "--save", str(saved)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "limit: reading" in done.stdout
    found = json.loads(saved.read_text("utf-8"))
    assert found["shape"] == "tiny"
    assert [way["name"] for way in found["ways"]] == [
        "PyTorch, not captured",
        "PyTorch, token by token",
    ]
    for way in found["ways"]:
        assert not way["fell_back"]
        for figures in way["figures"].values():
            assert [each["characters_per_second"] > 0 for each in figures] == [True]
            assert figures[0]["first_character"] > 0
    assert found["limit"]["characters"]["2"] > found["limit"]["characters"]["1"]


def test_limit_follows_from_bytes_read() -> None:
    limit = Limit(weights=40, text=10, little=4000.0, much=2000.0)
    assert limit.characters(1) == 1 / (0.01 + 0.005)
    assert limit.characters(100) == 100 / (0.01 + 0.5)
