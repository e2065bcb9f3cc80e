"""The format of bot tokens, to detect a token in the wrong setting without a request."""

from __future__ import annotations

import re

DISCORD, TELEGRAM = "Discord", "Telegram"
# Neither platform guarantees these formats, so they only tell the platforms apart; only the
# platform knows whether a token is valid.
SHAPES = {
    TELEGRAM: r"\d{5,20}:[\w-]{30,}",
    DISCORD: r"[\w-]{20,30}\.[\w-]{5,8}\.[\w-]{25,}",
}
TOKEN_SETTINGS = {DISCORD: "DISCORD_TOKEN", TELEGRAM: "TELEGRAM_TOKEN"}


def platform_of(token: str) -> str | None:
    """The platform whose token format matches; None for an unknown format."""
    return next((name for name, shape in SHAPES.items() if re.fullmatch(shape, token)), None)
