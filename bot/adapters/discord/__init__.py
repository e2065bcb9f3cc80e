"""LitteraGPT on Discord: slash commands, message menus and buttons, without privileged intents."""

from bot.adapters.discord.adapter import Discord

__all__ = ["Discord"]
