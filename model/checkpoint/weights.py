"""Weights as they lie in a file, read and checked with NumPy alone.

Only safetensors are read, and every tensor is compared with what the configuration asks for before
a decoder, of whatever kind, is built from it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import load_file

from model.checkpoint.config import DecoderConfig
from model.checkpoint.filenames import CONFIG
from model.errors import CheckpointError
from model.files import check_regular, unreadable

ID_LENGTH = 12
_FAR_LARGER = 20
# Larger optional files were made by no command of ours: they take a few megabytes, and a table of
# drafts 64 at most.
_MOST_OPTIONAL_BYTES = 1 << 27
Floats = NDArray[np.float32]
Tensors = dict[str, NDArray[np.generic]]
Made = TypeVar("Made")


def _from_bfloat16(content: bytes) -> Floats:
    # A bfloat16 is the upper half of a float32, and NumPy knows no bfloat16.
    wide = np.frombuffer(content, "<u2").astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def _from_floats(dtype: str) -> Callable[[bytes], Floats]:
    return lambda content: np.frombuffer(content, dtype).astype(np.float32)


_READERS: dict[str, Callable[[bytes], Floats]] = {
    "BF16": _from_bfloat16,
    "F16": _from_floats("<f2"),
    "F32": _from_floats("<f4"),
}


def to_float32(content: bytes, dtype: str) -> Floats:
    """The numbers in `content`, a vector; dtype: BF16, F16 or F32, as safetensors names them."""
    return _READERS[dtype](content)


def read_weights(path: Path, config: DecoderConfig) -> tuple[dict[str, Floats], str]:
    """All tensors as float32, and the id of the file: the beginning of its SHA-256.

    Raises CheckpointError for a file that is missing, cut off or something else, and for a tensor
    that is missing, foreign, of another shape, of no floating-point type, or not finite.
    """
    check_regular(path)
    try:
        content = path.read_bytes()
        identity = hashlib.sha256(content).hexdigest()[:ID_LENGTH]
        stored = dict(deserialize(content))  # type: ignore[no-untyped-call]
        del content
    except SafetensorError:
        raise CheckpointError("not_weights", file=str(path)) from None
    except OSError as error:
        raise unreadable(path, error) from None
    _check_size(path.with_name(CONFIG), config, sum(len(each["data"]) for each in stored.values()))
    _check_shapes(path, {name: tuple(each["shape"]) for name, each in stored.items()}, config)
    weights = {}
    for name in list(stored):
        each = stored.pop(name)  # tables are large: nothing is kept for longer than it is needed
        if each["dtype"] not in _READERS:
            _refuse(path, name, each["dtype"], "a floating-point type")
        weights[name] = to_float32(each["data"], each["dtype"]).reshape(each["shape"])
        if not _all_finite(weights[name]):
            _refuse(path, name, "not finite everywhere", "finite numbers")
    return weights, identity


def read_optional(path: Path, what: str, make: Callable[[Tensors], Made]) -> Made | None:
    """What `make` makes of the tensors in a file that a checkpoint may lack, None where it does.

    what: the file's kind, for errors. Raises CheckpointError for a bad file, also where `make`
    raises KeyError, TypeError or ValueError.
    """
    if not path.exists():
        return None
    check_regular(path)
    try:
        if path.stat().st_size > _MOST_OPTIONAL_BYTES:
            raise ValueError("it is far too large")
        return make(load_file(path))
    except OSError as error:
        raise unreadable(path, error) from None
    # Of types that NumPy lacks, safetensors says so with an AttributeError or a TypeError.
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        problem = f"is no {what} ({reason})"
        raise CheckpointError("content", file=str(path), problem=problem) from None


def _all_finite(numbers: Floats) -> bool:
    """The extremes tell, without an array of answers: both are NaN where any number is."""
    return bool(np.isfinite(numbers.min(initial=0)) and np.isfinite(numbers.max(initial=0)))


def _check_size(path: Path, config: DecoderConfig, held: int) -> None:
    """Say that the configuration is wrong where it asks for far more than the `held` bytes."""
    wanted = sum(math.prod(shape) for shape in config.tensors().values())
    if wanted > _FAR_LARGER * held / 2:
        problem = "describes a decoder far larger than the weights beside it"
        raise CheckpointError("content", file=str(path), problem=problem)


def _check_shapes(path: Path, found: Mapping[str, tuple[int, ...]], config: DecoderConfig) -> None:
    expected = config.tensors()
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            _refuse(
                path,
                name,
                _shape(found[name]) if name in found else "missing",
                _shape(expected[name]) if name in expected else "no such tensor",
            )


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _refuse(path: Path, tensor: str, found: str, expected: str) -> NoReturn:
    raise CheckpointError("tensor", file=str(path), tensor=tensor, found=found, expected=expected)
