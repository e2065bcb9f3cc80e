"""Call parameters in all documented encodings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.telegram.errors import bad_request


class Parameters:
    """Values by name, converted to the requested type, with defaults."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """An integer; an invalid one counts as absent, as in the real server."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        """A boolean."""
        return str(self.values.get(name, "")).lower() in ("true", "yes", "1")

    def structure(self, name: str) -> Any:
        """A JSON value; None if absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None


async def read(request: web.Request) -> Parameters:
    """The parameters in the query and in a form-encoded, multipart or JSON body."""
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise bad_request("can't parse request body as JSON") from None
        values |= body
    else:
        values |= await request.post()
    return Parameters(values)
