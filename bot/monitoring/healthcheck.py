"""A client of /readyz on this machine. Container health checks run it often, so its imports must
be quick."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from bot.monitoring.health import WELL

SECONDS = 3.0
# Addresses that listen on all interfaces, and the loopback address to ask instead.
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)


def readiness(host: str, port: int) -> dict[str, str] | None:
    """The state of each part, from /readyz; None without a bot at this address."""
    with closing(HTTPConnection(_HERE.get(host, host), port, timeout=SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz")
            parts = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return None
    return parts if isinstance(parts, dict) and "worker" in parts else None


def unwell(parts: dict[str, str]) -> str:
    """The unhealthy parts and their states, as a line."""
    return ", ".join(f"{part}: {word}" for part, word in parts.items() if word not in WELL)
