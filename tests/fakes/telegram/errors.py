"""Errors of the Bot API: status, description and optional parameters."""

from __future__ import annotations

from typing import Any

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


class ApiError(Exception):
    """A response with `ok: false`.

    offence: whether the client could have avoided it; such errors are recorded in
    `FakeTelegram.violations`."""

    def __init__(
        self,
        code: int,
        description: str = "",
        *,
        offence: bool = True,
        **parameters: int,
    ) -> None:
        self.code = code
        self.description = PHRASES[code] + (f": {description}" if description else "")
        self.offence = offence
        self.parameters = parameters
        super().__init__(self.description)

    def body(self) -> dict[str, Any]:
        """The JSON of the response."""
        answer = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(description: str, *, offence: bool = True) -> ApiError:
    """Status 400."""
    return ApiError(400, description, offence=offence)
