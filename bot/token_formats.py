"""What bot tokens look like, so that one in the wrong place is known before anybody is asked."""

from __future__ import annotations

import re

DISCORD, TELEGRAM = "Discord", "Telegram"
# Neither platform promises these shapes, so they only tell one from the other; whether a token is
# good is the platform's to say.
SHAPES = {
    TELEGRAM: r"\d{5,20}:[\w-]{30,}",
    DISCORD: r"[\w-]{20,30}\.[\w-]{5,8}\.[\w-]{25,}",
}
TOKEN_SETTINGS = {DISCORD: "DISCORD_TOKEN", TELEGRAM: "TELEGRAM_TOKEN"}


def platform_of(token: str) -> str | None:
    """The platform whose tokens look like this one, None for no shape that is known."""
    return next((name for name, shape in SHAPES.items() if re.fullmatch(shape, token)), None)
