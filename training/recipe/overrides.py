"""Preset fields as arguments of `--set name=value`, parsed and formatted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from model.errors import LitteraError
from training.recipe.presets import Phase, Preset

_SWITCH = {"true": True, "false": False}


class PresetError(LitteraError):
    """A change of a preset is invalid."""


def changed(preset: Preset, assignments: Sequence[str]) -> Preset:
    """`preset` with the fields that `assignments` ("name=value") name set to these values.

    Values are in the format of `spelled`. Raises PresetError, in one sentence, for an unknown
    field, a malformed value or an invalid preset.
    """
    values = dict(_parsed(assignment) for assignment in assignments)
    try:
        return replace(preset, **values)
    except ValueError as error:
        raise PresetError(f"the preset cannot be changed so: {error}") from None


def spelled(value: object) -> str:
    """A field's value as an argument of `--set`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return ",".join(map(str, value)) or "none"
    if isinstance(value, tuple):
        return ",".join(f"{phase.start!r}:{phase.length}:{phase.batch}" for phase in value)
    return str(value)


def assignments(preset: Preset, origin: Preset) -> list[str]:
    """The assignments with which `changed` turns `origin` into `preset`."""
    return [
        f"{field.name}={spelled(getattr(preset, field.name))}"
        for field in fields(Preset)
        if getattr(preset, field.name) != getattr(origin, field.name)
    ]


def _parsed(assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    kinds = get_type_hints(Preset)
    if not equals:
        raise PresetError(f"{assignment!r} sets nothing; write it as name=value")
    if name not in kinds:
        raise PresetError(f"no preset has {name!r}; there are {', '.join(kinds)}")
    try:
        return name, _value(kinds[name], text)
    except (KeyError, ValueError):
        raise PresetError(f"{name} cannot be {text!r}; expected {_expected(kinds[name])}") from None


def _value(kind: Any, text: str) -> Any:
    """`text` as a `kind`; raises KeyError or ValueError."""
    if NoneType in get_args(kind):
        return None if text == "none" else _value(get_args(kind)[0], text)
    if kind is bool:
        return _SWITCH[text]
    if get_origin(kind) is Literal:
        return {each: each for each in get_args(kind)}[text]
    if kind == tuple[int, ...]:
        return () if text == "none" else tuple(map(int, text.split(",")))
    if get_origin(kind) is tuple:
        return tuple(_phases(text))
    return kind(text)


def _phases(text: str) -> Iterator[Phase]:
    for phase in text.split(","):
        start, length, batch = phase.split(":")
        yield Phase(float(start), int(length), int(batch))


def _expected(kind: Any) -> str:
    if NoneType in get_args(kind):
        return f"{_expected(get_args(kind)[0])} or none"
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if kind == tuple[int, ...]:
        return "whole numbers, divided by commas, or none"
    if get_origin(kind) is tuple:
        return "phases as start:length:batch, divided by commas"
    return {bool: "true or false", int: "a whole number", float: "a number"}[kind]
