"""The bot as commands, menus and buttons use it, the requester of an interaction, and notices that
only the requester sees."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import discord
from discord import app_commands

from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.localization import call_commands
from bot.adapters.discord.markdown import escape
from bot.admin.admin import Admin
from bot.admin.commands import Commands
from bot.logs import about
from bot.requests.connection import Connection
from bot.requests.job import Job, Requester, new_reference
from bot.requests.platform import Platform
from bot.service.errors import sentence
from bot.service.service import Service
from bot.settings.settings import Settings
from bot.store import Store
from bot.texts import language_of, say
from model.errors import LitteraError

log = logging.getLogger(__name__)

# The requester's Discord client shows an outdated command.
_OUTDATED = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)


@dataclass(frozen=True)
class Host:
    """The bot, for one client and its handlers."""

    settings: Settings
    service: Service
    store: Store
    admin: Admin
    commands: Commands
    connection: Connection
    platform: Platform
    # Starts a job.
    begin: Callable[[Job], None]
    # Returns the HTTP session for answers; raises TimeoutError between two connections.
    session: Callable[[], aiohttp.ClientSession]
    # Names the styles of the model.
    styles: Callable[[], tuple[str, ...]]
    trace: aiohttp.TraceConfig


class HostedClient(discord.Client):
    """A client whose handlers find the bot in `host`."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(**options)
        self.host = host


if TYPE_CHECKING:
    Interaction: TypeAlias = discord.Interaction[HostedClient]
else:
    Interaction = discord.Interaction


def host_of(interaction: Interaction) -> Host:
    """The bot that handles this interaction."""
    return interaction.client.host


def requester_of(interaction: Interaction) -> Requester:
    """The requester, with server and language."""
    return Requester("discord", interaction.user.id, interaction.guild_id, language(interaction))


def language(interaction: Interaction) -> str:
    """The requester's language."""
    return language_of(interaction.locale.value)


def reply_to(interaction: Interaction, *, ephemeral: bool, card: bool = False) -> Reply:
    """A reply to an interaction that has just arrived."""
    session = host_of(interaction).session
    return Reply.to(session, interaction, ephemeral=ephemeral, card=card)


async def tell(interaction: Interaction, text: str, reference: str = "notice") -> None:
    """Send a text in Markdown that only the requester sees."""
    text = call_commands(text, language(interaction))
    await reply_to(interaction, ephemeral=True).tell(text, reference)


async def report(interaction: Interaction, error: Exception) -> None:
    """Answer a failed command, menu or button with one sentence, and log unexpected errors."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    reference = new_reference()
    with about(reference):
        await _report(interaction, error, reference)


async def _report(interaction: Interaction, error: Exception, reference: str) -> None:
    spoken = language(interaction)
    if isinstance(error, LitteraError):
        notice = sentence(error, spoken)
    elif isinstance(error, _OUTDATED):
        log.info("%s: %s", reference, type(error).__name__)
        notice = say("stale_command", spoken)
    else:
        log.error("%s: unexpected", reference, exc_info=error)
        notice = say("internal", spoken, reference=reference)
    if interaction.type is discord.InteractionType.autocomplete:
        return  # an autocompletion shows no text
    await tell(interaction, escape(notice), reference)
