"""What every command, menu and button begins with: who asks, and a word to that person alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import discord

from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.localization import call_commands
from bot.requests.job import Requester
from bot.texts import language_of

if TYPE_CHECKING:
    from bot.adapters.discord.client import LitteraClient

    Interaction: TypeAlias = discord.Interaction[LitteraClient]
else:
    Interaction = discord.Interaction


def requester_of(interaction: Interaction) -> Requester:
    """Who asks, where and in which language."""
    return Requester("discord", interaction.user.id, interaction.guild_id, language(interaction))


def language(interaction: Interaction) -> str:
    """The language of whoever asks."""
    return language_of(interaction.locale.value)


async def tell(interaction: Interaction, text: str, reference: str = "notice") -> None:
    """Say something, in Markdown, that only whoever asks can see."""
    text = call_commands(text, language(interaction))
    await Reply.to(interaction, ephemeral=True).tell(text, reference)
