"""Refusals with Discord's error codes, and the record of the client's offences.

Error codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class ClientRefused(Exception):  # noqa: N818 (it is no error of the bot)
    """The user's client does not permit this action, so the bot never receives it."""


class Refusal(Exception):  # noqa: N818 (it is an answer)
    """An error response.

    offence: False if a correct client can cause it, such as for a message that a user has
    deleted."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        errors: Json | None = None,
        *,
        offence: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.offence = offence
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors

    def __str__(self) -> str:
        details = f" {self.body['errors']}" if "errors" in self.body else ""
        return f"{self.status} {self.body['code']} {self.body['message']}{details}"


def unauthorized(*, offence: bool = True) -> Refusal:
    """Missing or wrong bot token."""
    return Refusal(401, 0, "401: Unauthorized", offence=offence)


def unknown_interaction() -> Refusal:
    """Acknowledged too late, or never created."""
    return Refusal(404, 10062, "Unknown interaction")


def already_acknowledged() -> Refusal:
    """A second callback."""
    return Refusal(400, 40060, "Interaction has already been acknowledged.")


def unknown_webhook() -> Refusal:
    """The token of an interaction that was not acknowledged, or not in time."""
    return Refusal(404, 10015, "Unknown Webhook")


def expired_token() -> Refusal:
    """The fifteen minutes are over."""
    return Refusal(401, 50027, "Invalid Webhook Token")


def unknown_message(*, offence: bool) -> Refusal:
    """The message does not exist for this client, or no longer."""
    return Refusal(404, 10008, "Unknown Message", offence=offence)


def empty_message() -> Refusal:
    """A message without text, embeds, components and files."""
    return Refusal(400, 50006, "Cannot send an empty message")


def missing_access() -> Refusal:
    """The bot is not a member."""
    return Refusal(403, 50001, "Missing Access")


class Form:
    """Collects the errors of a body by path, and refuses it as a whole (50035)."""

    def __init__(self) -> None:
        self._errors: Json = {}

    def wrong(self, path: str, code: str, message: str) -> None:
        """Record an error; `path` is in the notation `embeds.0.description`."""
        place = self._errors
        for part in path.split("."):
            place = place.setdefault(part, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def length(self, path: str, value: object, least: int, most: int) -> None:
        """`value` must be a string of `least` to `most` characters."""
        if not isinstance(value, str):
            self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif not least <= len(value) <= most:
            told = f"Must be between {least} and {most} in length."
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", told)

    def at_most(self, path: str, values: list[Any], most: int) -> None:
        """`values` may have at most `most` elements."""
        if len(values) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def refuse(self) -> None:
        """Raise the refusal if there were errors."""
        if self._errors:
            raise Refusal(400, 50035, "Invalid Form Body", self._errors)
