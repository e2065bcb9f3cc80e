"""Kinds of damage to a checkpoint folder, and the file that the error must name."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.checkpoint.filenames import CONFIG, DRAFTS, LEXICON, METRICS, TOKENIZER, WEIGHTS

# A file beside the checkpoint's folder that unpickling would create.
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


def _pipe(name: str) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return replace


def _weights_for(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.copy(folder / WEIGHTS, folder / name)


def _slots(dtype: str, size: int) -> Callable[[Path], None]:
    """A draft table with this dtype."""

    def write(folder: Path) -> None:
        header = {"slots": {"dtype": dtype, "shape": [8], "data_offsets": [0, 8 * size]}}
        told = json.dumps(header).encode()
        content = len(told).to_bytes(8, "little") + told + b"\x40" * (8 * size)
        (folder / DRAFTS).write_bytes(content)

    return write


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
# Files that once crashed or blocked the thread that read them.
ODD = [
    pytest.param(_weights_for(DRAFTS), DRAFTS, id="weights for drafts"),
    pytest.param(_weights_for(LEXICON), LEXICON, id="weights for a lexicon"),
    *(
        pytest.param(_slots(dtype, size), DRAFTS, id=f"drafts of {dtype}")
        for dtype, size in (("F32", 4), ("F64", 8), ("BF16", 2), ("F8_E4M3", 1), ("I64", 8))
    ),
    *(
        pytest.param(_pipe(name), name, id=f"a pipe for {name}")
        for name in (WEIGHTS, CONFIG, TOKENIZER, METRICS, DRAFTS, LEXICON)
    ),
    pytest.param(
        _with(TOKENIZER, styles=[f"autor{n}" for n in range(200_000)]), TOKENIZER, id="many styles"
    ),
    pytest.param(_with(TOKENIZER, styles=["a" * 70]), TOKENIZER, id="a long style"),
    pytest.param(_with(TOKENIZER, styles=["a\x1b[2J"]), TOKENIZER, id="a style of escapes"),
    pytest.param(_with(TOKENIZER, characters=" .ab\x1b"), TOKENIZER, id="escapes to write"),
]
