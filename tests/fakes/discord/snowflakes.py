"""Snowflake ids: milliseconds since 2015 and a unique number.

Clients compute the age of an interaction from its id, so ids are always fresh."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

_EPOCH_MS = 1_420_070_400_000
_numbers = itertools.count(1)


def snowflake() -> str:
    """A new id, as a JSON string."""
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    return str(milliseconds << 22 | next(_numbers) & 0x3FFFFF)


def now() -> str:
    """The current time as an ISO 8601 timestamp."""
    return datetime.now(UTC).isoformat()
