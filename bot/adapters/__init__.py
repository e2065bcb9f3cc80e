"""Platform adapters. Each knows its platform and the five verbs of bot.requests.platform.Platform,
and nothing of the model."""

from __future__ import annotations

from bot.context import Core
from bot.requests.connection import Connection
from bot.requests.platform import Platform
from bot.settings.settings import Settings


def configured_connections(settings: Settings) -> dict[str, Connection]:
    """One connection for each platform that has a token, and for the page if it is enabled."""
    connections = {}
    if settings.discord_token is not None:
        connections["discord"] = Connection(total=1)
    if settings.telegram_token is not None:
        connections["telegram"] = Connection()
    if settings.web:
        connections["web"] = Connection()
    return connections


def configured_platforms(core: Core) -> list[Platform]:
    """An adapter for each connection. Libraries of other platforms are not imported."""
    platforms: list[Platform] = []
    if "discord" in core.connections:
        from bot.adapters.discord import Discord

        platforms.append(Discord(core))
    if "telegram" in core.connections:
        from bot.adapters.telegram import Telegram

        platforms.append(Telegram(core))
    if "web" in core.connections:
        from bot.adapters.web import Web

        platforms.append(Web(core))
    return platforms
