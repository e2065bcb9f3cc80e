"""Coded errors as data, to send them to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.errors import CodedError

# Characters. An error may quote a value of any size, and a message has its limit.
VALUE_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Failure:
    """A CodedError as data.

    kind: name of the error's class, one that this process has imported.
    Raises ValueError when no error has this kind and code, or a value is missing.
    """

    kind: str
    code: str
    values: Mapping[str, object]

    def __post_init__(self) -> None:
        self.exception()

    @classmethod
    def of(cls, error: CodedError) -> Failure:
        """The data of an error, its texts cut to VALUE_LIMIT."""
        values = {name: _bounded(value) for name, value in error.values.items()}
        return cls(type(error).__name__, error.code, values)

    def exception(self) -> CodedError:
        """The error."""
        kinds = {kind.__name__: kind for kind in CodedError.__subclasses__()}
        try:
            return kinds[self.kind](self.code, **self.values)
        except (IndexError, KeyError, TypeError):
            raise ValueError("an error of no known kind and code") from None


def _bounded(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_bounded, value))
    return value[:VALUE_LIMIT] if isinstance(value, str) else value
