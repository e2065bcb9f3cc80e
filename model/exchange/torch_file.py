"""Reading files of `torch.save` without torch, and without running code of the file.

Since PyTorch 1.6 they are uncompressed zip archives: `data.pkl` describes the object and refers to
storages by persistent ids, `data/N` holds the bytes of storage N.
https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import numpy as np

from model.arrays import Floats
from model.checkpoint.weights import to_float32
from model.errors import CheckpointError, ExchangeError
from model.exchange.pickled import (
    DamagedPickleError,
    ForeignNameError,
    Function,
    Instance,
    Kind,
    Label,
    Meaning,
    read_pickle,
)

# The description of a module with two hundred layers takes some hundred kilobytes.
_PICKLE_LIMIT = 2**20
_MOST_DIMENSIONS = 8
# The magic number of PyTorch before 1.6, pickled.
_LEGACY = bytes.fromhex("6cfc9c46f9206aa85019")
# safetensors' name of each type, and its size in bytes.
_WEIGHTS = {"FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2)}
_OTHER_STORAGES = [f"{name}Storage" for name in "Double Long Int Short Char Byte Bool".split()]


@dataclass(frozen=True)
class Storage:
    """A vector in the archive."""

    kind: str  # torch's name of the type
    key: str  # of the archive member
    numbers: int  # its size


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage, within its bounds. Offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchFile:
    """A file of `torch.save`; a context manager.

    Raises ExchangeError for another or a damaged file, CheckpointError for an unreadable one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                head = file.read(64)
        except OSError as error:
            raise CheckpointError("unreadable", file=str(path), reason=error.strerror) from None
        if _LEGACY in head:
            self._refuse("legacy_torch")
        if not head.startswith(b"PK\x03\x04"):
            self._refuse("not_torch")
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            self._refuse("damaged")
        self._members = {member.filename: member for member in self._archive.infolist()}
        self._size = path.stat().st_size
        described = [name for name in self._members if name.endswith("/data.pkl")]
        if len(described) != 1:
            self._archive.close()
            self._refuse("not_torch")
        self._folder = described[0].removesuffix("data.pkl")

    def __enter__(self) -> TorchFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def read_object(self, classes: Mapping[str, Kind]) -> object:
        """The saved object: plain values, `Instance`s and `StoredTensor`s.

        classes: the allowed classes, by full name, or by bare name for any module. torch's
        functions that rebuild tensors are built in. Any other name raises ExchangeError.
        """
        order = f"{self._folder}byteorder"
        if order in self._members and self._read(order, len("little")) != b"little":
            self._refuse("damaged")

        def meaning(module: str, name: str) -> Meaning | None:
            full = f"{module}.{name}"
            return _TORCH.get(full) or classes.get(full) or classes.get(name)

        content = self._read(f"{self._folder}data.pkl", _PICKLE_LIMIT)
        try:
            return read_pickle(content, meaning, _storage)
        except ForeignNameError as error:
            raise ExchangeError("foreign_name", file=str(self.path), name=str(error)) from None
        except DamagedPickleError:
            self._refuse("damaged")

    def holds(self, numbers: int) -> bool:
        """Whether the file is large enough to store this many numbers."""
        return 2 * numbers <= self._size

    def array(self, tensor: StoredTensor) -> Floats | None:
        """The tensor as float32, or None for a type that weights never have.

        Raises ExchangeError for a part of a storage: thousands could share a large one.
        """
        if tensor.storage.kind not in _WEIGHTS:
            return None
        dtype, size = _WEIGHTS[tensor.storage.kind]
        length = tensor.storage.numbers * size
        if math.prod(tensor.shape) != tensor.storage.numbers:
            self._refuse("damaged")
        content = self._read(f"{self._folder}data/{tensor.storage.key}", length)
        if len(content) != length:
            self._refuse("damaged")
        numbers = to_float32(content, dtype)
        # The stride of a dimension of size 1 is meaningless and may be arbitrary.
        strides = [
            stride * numbers.itemsize if size > 1 else 0
            for size, stride in zip(tensor.shape, tensor.strides, strict=True)
        ]
        view = np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides, writeable=False)
        return view.copy()

    def _read(self, name: str, limit: int) -> bytes:
        """Read a member of at most `limit` bytes."""
        member = self._members.get(name)
        # torch compresses nothing: a compressed member may be a zip bomb.
        if (
            member is None
            or member.compress_type != zipfile.ZIP_STORED
            or member.file_size > min(limit, self._size)
        ):
            self._refuse("damaged")
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OSError):
            self._refuse("damaged")

    def _refuse(self, code: str) -> NoReturn:
        raise ExchangeError(code, file=str(self.path))


def _storage(identity: object) -> Storage:
    """The storage of a persistent id: ('storage', type, key, device, count)."""
    if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
        raise ValueError("a persistent id of no storage")
    _, kind, key, _, numbers = identity
    if not isinstance(kind, Label) or not isinstance(key, str) or not _whole(numbers):
        raise ValueError("a persistent id of no storage")
    return Storage(kind.name, key, numbers)


def _rebuild_tensor(
    storage: object, offset: int, shape: object, strides: object, *_: object
) -> StoredTensor:
    """Replaces torch._utils._rebuild_tensor_v2."""
    if (
        not isinstance(storage, Storage)
        or not _whole(offset)
        or not isinstance(shape, tuple)
        or not isinstance(strides, tuple)
        or len(shape) != len(strides)
        or len(shape) > _MOST_DIMENSIONS
        or not all(map(_whole, shape + strides))
        or 0 in shape
    ):
        raise ValueError("a tensor that is none")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # Strides of zero could expand a small storage.
    if last >= storage.numbers or math.prod(shape) > storage.numbers:
        raise ValueError("a tensor outside its storage")
    return StoredTensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor: object, *_: object) -> StoredTensor:
    """Replaces torch._utils._rebuild_parameter."""
    if not isinstance(tensor, StoredTensor):
        raise ValueError("a parameter that is no tensor")
    return tensor


def _rebuild_object(kind: object, base: object, state: object) -> Instance:
    """Replaces copyreg._reconstructor, which makes objects in protocols 0 and 1."""
    if not isinstance(kind, Kind) or base != Label("object") or state is not None:
        raise ValueError("an object of what is no class")
    return Instance(kind.name)


def _rebuild_dict(*items: object) -> dict[str | int, object]:
    """Replaces collections.OrderedDict, whose items follow like those of a dict."""
    if items:
        raise ValueError("a dictionary made of something")
    return {}


def _rebuild_set(items: object) -> list[object]:
    """Replaces set with a list, see `pickled`."""
    if not isinstance(items, list):
        raise ValueError("a set made of something else")
    return items


def _whole(value: object) -> bool:
    return type(value) is int and value >= 0


_TORCH: dict[str, Meaning] = {
    "torch._utils._rebuild_tensor_v2": Function(_rebuild_tensor),
    "torch._utils._rebuild_parameter": Function(_rebuild_parameter),
    "collections.OrderedDict": Function(_rebuild_dict),
    **dict.fromkeys(("builtins.set", "__builtin__.set"), Function(_rebuild_set)),
    **dict.fromkeys(("builtins.object", "__builtin__.object"), Label("object")),
    **dict.fromkeys(
        ("copyreg._reconstructor", "copy_reg._reconstructor"), Function(_rebuild_object)
    ),
    **{f"torch.{name}": Label(name) for name in (*_WEIGHTS, *_OTHER_STORAGES)},
}
