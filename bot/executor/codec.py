"""The one encoder and the one decoder of messages: a JSON object a line.

`kind` names the message's class, the other keys are its fields. The decoder checks every value
against the field's annotation. Strings with lone surrogates, which pydantic refuses, pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from bot.executor.messages import Message
from model.errors import CodedError

# Bytes of a line that the bot reads. The longest is a Done with five sentences at their limit, well
# under this.
LINE_LIMIT = 1 << 20
_KINDS = {kind.__name__: kind for kind in get_args(Message)}
_PRIMITIVES: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    NoneType: (NoneType,),
}

_Reader = Callable[[Any], Any]


def encode(message: Message) -> bytes:
    """The line of a message. Lone surrogates become escapes, so that any string survives."""
    content = {"kind": type(message).__name__} | asdict(message)
    return json.dumps(content, default=_path).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises ValueError for anything else."""
    try:
        content = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    kind = content.pop("kind", None) if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError("not a message of a known kind")
    try:
        message: Message = _reader(_KINDS[kind])(content)
    except ValueError as error:
        raise ValueError(f"malformed {kind}: {error}") from None
    return message


def _path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not part of a message")


@cache
def _reader(kind: Any) -> _Reader:
    """The function that turns JSON into a value of this type, or raises ValueError."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _fields_reader(kind)
    if origin is UnionType:  # with None only
        (present,) = (_reader(each) for each in arguments if each is not NoneType)
        return lambda value: None if value is None else present(value)
    if origin is tuple:
        element = _reader(arguments[0])
        return lambda value: tuple(map(element, _checked(value, list)))
    if origin is Mapping:
        element = _reader(arguments[1])
        return lambda value: {name: element(each) for name, each in _checked(value, dict).items()}
    if kind is Path:
        return lambda value: Path(_checked(value, str))
    if kind is object:
        return _tuples
    return lambda value: _checked(value, *_PRIMITIVES[kind])


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _fields_reader(kind: Any) -> _Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}

    def read(value: Any) -> Any:
        if _checked(value, dict).keys() != readers.keys():
            raise ValueError(f"the fields are not those of {kind.__name__}")
        fields = {name: reader(value[name]) for name, reader in readers.items()}
        try:
            return kind(**fields)
        except CodedError as error:  # a value out of bounds; its text may quote a phrase
            raise ValueError(f"{kind.__name__} with a wrong {error.code}") from None

    return read


def _checked(value: Any, *types: type) -> Any:
    if not isinstance(value, types) or isinstance(value, bool):
        raise ValueError(f"{type(value).__name__} instead of {types[-1].__name__}")
    return value
