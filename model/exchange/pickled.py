"""Reading a pickle as data: a stack machine that runs no code of the file.

A pickle is a program for a stack machine; Python's own imports and calls any name in it. This one
has only the instructions that build plain values, and the caller lists the allowed names: as a
function of ours, as a kind of object (which becomes an `Instance`, without running its class) or as
a label. Any other name or instruction is an error. Nothing recurses, so the stack cannot overflow,
and no value is larger than its spelling in the file. But a value may be referenced many times, so a
caller must bound its traversal of the result.

`pickletools` decodes the instructions and their arguments:
https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Function:
    """A callable name: `call` replaces it and receives the arguments in the file.

    It may raise ValueError or TypeError for invalid arguments.
    """

    call: Callable[..., object]


@dataclass(frozen=True)
class Kind:
    """A class name whose objects become `Instance`s."""

    name: str


@dataclass(frozen=True)
class Label:
    """An allowed name without a function."""

    name: str


@dataclass(eq=False)
class Instance:
    """An object of the file: the name of its class and its attributes."""

    kind: str
    state: dict[str | int, Any] = field(default_factory=dict)


# Larger integers count nothing, and arithmetic with them could take arbitrarily long.
_MOST = 2**63 - 1

Meaning = Function | Kind | Label
Names = Callable[[str, str], Meaning | None]
Persistent = Callable[[object], object]


class ForeignNameError(Exception):
    """The pickle has a name that is not allowed; the text is that name."""


class DamagedPickleError(Exception):
    """An incomplete pickle, or one with unsupported instructions."""


def read_pickle(content: bytes, names: Names, persistent: Persistent) -> object:
    """The value of a pickle of any protocol.

    names: maps module and name to a meaning, or None.
    persistent: maps a persistent id to a value; raises ValueError for an invalid one.
    Raises ForeignNameError and DamagedPickleError.
    """
    machine = _Machine(names, persistent)
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.run(opcode.name, argument)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error) as error:
        raise DamagedPickleError(str(error)) from None
    raise DamagedPickleError("no end")


class _Machine:
    """The stack, the stacks below its marks, and the memo."""

    def __init__(self, names: Names, persistent: Persistent) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._names, self._persistent = names, persistent

    def run(self, opcode: str, argument: Any) -> None:
        """Run one instruction."""
        if opcode in _LITERALS:
            if isinstance(argument, int) and not -_MOST <= argument <= _MOST:
                raise ValueError("a number of more than 64 bits")
            self.stack.append(argument)
        elif opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in _PUTS:
            self._memo[len(self._memo) if argument is None else argument] = self.stack[-1]
        elif opcode in _GETS:
            self.stack.append(self._memo[argument])
        elif opcode in _TUPLES:
            self._replace(_TUPLES[opcode], tuple)
        elif opcode not in _IGNORED:
            instruction = _INSTRUCTIONS.get(opcode)
            if instruction is None:
                raise ValueError(f"instruction {opcode}")
            instruction(self, argument)

    def _replace(self, count: int, build: Callable[[list[Any]], Any]) -> None:
        """Replace the last `count` values by `build` of them."""
        taken = [self.stack.pop() for _ in range(count)][::-1]
        self.stack.append(build(taken))

    def _since_mark(self) -> list[Any]:
        """Pop the last mark; return the values above it."""
        taken, self.stack = self.stack, self._below.pop()
        return taken

    def mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._since_mark()

    def pop_mark(self, _: Any) -> None:
        self._since_mark()

    def duplicate(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def to_tuple(self, _: Any) -> None:
        taken = self._since_mark()
        self.stack.append(tuple(taken))

    def to_list(self, _: Any) -> None:
        taken = self._since_mark()
        self.stack.append(taken)

    def to_dict(self, _: Any) -> None:
        made: dict[str | int, Any] = {}
        _set_items(made, self._since_mark())
        self.stack.append(made)

    def append(self, _: Any) -> None:
        value = self.stack.pop()
        _extend(self.stack[-1], [value])

    def appends(self, _: Any) -> None:
        taken = self._since_mark()
        _extend(self.stack[-1], taken)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _set_items(self.stack[-1], [key, value])

    def set_items(self, _: Any) -> None:
        taken = self._since_mark()
        _set_items(self.stack[-1], taken)

    def name(self, argument: Any) -> None:
        self._push_name(*argument.split(" ", 1))

    def name_on_stack(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name that is none")
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        meaning = self._names(module, name)
        if meaning is None:
            raise ForeignNameError(f"{module}.{name}")
        self.stack.append(meaning)

    def call(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Function) or not isinstance(arguments, tuple):
            raise TypeError("a call of what is no function")
        self.stack.append(function.call(*arguments))

    def new_object(self, _: Any) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        if not isinstance(kind, Kind) or arguments != ():
            raise TypeError("an object of what is no class")
        self.stack.append(Instance(kind.name))

    def build(self, _: Any) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if isinstance(built, dict):  # attributes of an OrderedDict, which say nothing of its items
            return
        if not isinstance(built, Instance) or not isinstance(state, dict):
            raise TypeError("attributes of what is no object")
        built.state = state

    def persistent(self, _: Any) -> None:
        self._replace(1, lambda taken: self._persistent(taken[0]))


def _extend(target: object, values: list[Any]) -> None:
    if type(target) is not list:
        raise TypeError("items for what is no list")
    target.extend(values)


def _set_items(target: object, flat: list[Any]) -> None:
    """Set keys and values that follow one another. Keys are plain: the hash of a deeply nested
    tuple would recurse."""
    if type(target) is not dict or len(flat) % 2:
        raise TypeError("items for what is no dictionary")
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        if type(key) not in (str, int):
            raise TypeError("a key that is neither text nor number")
        target[key] = value


# Sets hold only names here, so a list will do.
_EMPTY = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_IGNORED = {"PROTO", "FRAME"}
_LITERALS = set(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8
    """.split()
)
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    "TUPLE": _Machine.to_tuple,
    "LIST": _Machine.to_list,
    "FROZENSET": _Machine.to_list,
    "DICT": _Machine.to_dict,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_on_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.new_object,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
