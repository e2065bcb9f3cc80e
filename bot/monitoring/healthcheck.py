"""Asking a bot of this machine how it is, as a container's health check does again and again: only
what is quickly imported is used."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from bot.monitoring.health import WELL

SECONDS = 3.0
# Who listens everywhere is asked here.
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (to be recognised)


def readiness(host: str, port: int) -> dict[str, str] | None:
    """What the bot that listens there says at /readyz, a word for each of its parts; None when
    there is none."""
    with closing(HTTPConnection(_HERE.get(host, host), port, timeout=SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz")
            parts = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return None
    return parts if isinstance(parts, dict) and "worker" in parts else None


def unwell(parts: dict[str, str]) -> str:
    """The parts that are not as they should be, and how they are."""
    return ", ".join(f"{part}: {word}" for part, word in parts.items() if word not in WELL)
