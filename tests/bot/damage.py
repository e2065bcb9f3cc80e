"""Ways in which a checkpoint folder can be broken, and the file that the refusal must name."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint_files import CONFIG, METRICS, TOKENIZER, WEIGHTS

# What the pickle would make if anything unpickled it; it lies beside the checkpoint's folder.
PICKLE_TRACE = "unpickled"


class _Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.trace), "w")


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def _with(name: str, **entries: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps(content | entries), "utf-8")

    return change


def _pickled_weights(folder: Path) -> None:
    trace = folder.parent / PICKLE_TRACE
    (folder / WEIGHTS).write_bytes(pickle.dumps(_Malicious(trace)))


DAMAGES = [
    pytest.param(_without(WEIGHTS), WEIGHTS, id="no weights"),
    pytest.param(_without(CONFIG), CONFIG, id="no config"),
    pytest.param(_without(TOKENIZER), TOKENIZER, id="no vocabulary"),
    pytest.param(_without(METRICS), METRICS, id="no metrics"),
    pytest.param(_cut(WEIGHTS), WEIGHTS, id="truncated weights"),
    pytest.param(_cut(CONFIG), CONFIG, id="truncated config"),
    pytest.param(_with(CONFIG, layers=3), WEIGHTS, id="weights of another shape"),
    pytest.param(_with(TOKENIZER, characters=" .abc"), TOKENIZER, id="foreign vocabulary"),
    pytest.param(_pickled_weights, WEIGHTS, id="a pickle for weights"),
]
