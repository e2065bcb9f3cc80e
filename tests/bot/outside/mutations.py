"""Malformed variants of valid messages."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

# Values of a wrong type or size.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    -(2**80),
    1.5,
    "",
    "\x00",
    "\ud800",
    "‮​𝓐🙂́" * 20,
    "@everyone <@1> [a](http://b) **",
    "9" * 400,
    "x" * 10_000,
    [],
    {},
    [[[[[]]]]],
    {"id": {"id": {"id": None}}},
)


def mutations(message: dict[str, Any], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`count` copies of a message, each with one to three faults; deterministic for a seed."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    for _ in range(count):
        changed = copy.deepcopy(message)
        for _ in range(chance.randint(1, 3)):
            _spoil(changed, chance)
        yield changed


def _spoil(message: dict[str, Any], chance: random.Random) -> None:
    holder, key = chance.choice(list(_places(message)))
    match chance.randrange(4):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(holder[key])
        case _:
            holder[key] = copy.deepcopy(chance.choice(STRANGE))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """The container and key of every value in a message."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key
        yield from _places(value[key])
