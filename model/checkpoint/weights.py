"""Reading and checking weights, with NumPy alone.

Only safetensors are read. Every tensor is checked against the configuration before a decoder is
built.
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

from model.arrays import Floats
from model.checkpoint.config import DecoderConfig
from model.checkpoint.filenames import CONFIG
from model.errors import CheckpointError
from model.files import check_regular, unreadable

ID_LENGTH = 12
_FAR_LARGER = 20
# Optional files take a few megabytes, a draft table 64 at most; larger ones are not ours.
_MOST_OPTIONAL_BYTES = 1 << 27
Tensors = dict[str, NDArray[np.generic]]
Made = TypeVar("Made")


def _from_bfloat16(content: bytes) -> Floats:
    # A bfloat16 is the upper half of a float32; NumPy has no bfloat16.
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
    """The vector in `content`; dtype: BF16, F16 or F32, as safetensors names them."""
    return _READERS[dtype](content)


def read_weights(path: Path, config: DecoderConfig) -> tuple[dict[str, Floats], str]:
    """All tensors as float32, and the id of the file: the beginning of its SHA-256.

    Raises CheckpointError for a missing, truncated or foreign file, and for a tensor that is
    missing, unexpected, of another shape, not of a floating-point type, or not finite.
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
        each = stored.pop(name)  # tables are large: free each as soon as it is converted
        if each["dtype"] not in _READERS:
            _refuse(path, name, each["dtype"], "a floating-point type")
        weights[name] = to_float32(each["data"], each["dtype"]).reshape(each["shape"])
        if not _all_finite(weights[name]):
            _refuse(path, name, "not finite everywhere", "finite numbers")
    return weights, identity


def read_optional(path: Path, what: str, make: Callable[[Tensors], Made]) -> Made | None:
    """The result of `make` for the tensors in an optional file, None without the file.

    what: the kind of file, for errors.
    Raises CheckpointError for an invalid file, also if `make` raises KeyError, TypeError or
    ValueError.
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
    # safetensors raises AttributeError or TypeError for types that NumPy lacks.
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        problem = f"is no {what} ({reason})"
        raise CheckpointError("content", file=str(path), problem=problem) from None


def _all_finite(numbers: Floats) -> bool:
    """Check the extremes, without a temporary array: both are NaN if any number is."""
    return bool(np.isfinite(numbers.min(initial=0)) and np.isfinite(numbers.max(initial=0)))


def _check_size(path: Path, config: DecoderConfig, held: int) -> None:
    """Blame the configuration if it needs far more than the `held` bytes of weights."""
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
