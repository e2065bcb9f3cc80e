"""Front ends: each knows its platform and the core's five verbs, and nothing of the model."""

from __future__ import annotations

from bot.context import Core
from bot.requests.platform import Platform


def configured_platforms(core: Core) -> list[Platform]:
    """The platforms that have a token, and the page if it is wanted; a library is loaded only for
    those."""
    platforms: list[Platform] = []
    if core.settings.discord_token is not None:
        from bot.adapters.discord import Discord

        platforms.append(Discord(core))
    if core.settings.telegram_token is not None:
        from bot.adapters.telegram import Telegram

        platforms.append(Telegram(core))
    if core.settings.web:
        from bot.adapters.web import Web

        platforms.append(Web(core))
    return platforms
