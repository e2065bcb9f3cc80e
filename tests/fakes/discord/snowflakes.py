"""Ids as Discord makes them: the time since 2015 in milliseconds, and a number that is not reused.

Clients compute the age of an interaction from its id, so ids are always fresh.
"""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

_EPOCH_MS = 1_420_070_400_000
_numbers = itertools.count(1)


def snowflake() -> str:
    """A new id, as the JSON string that Discord sends."""
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    return str(milliseconds << 22 | next(_numbers) & 0x3FFFFF)


def now() -> str:
    """This moment as an ISO 8601 timestamp."""
    return datetime.now(UTC).isoformat()
