"""What people are told when a command, a menu or a button fails: one sentence."""

from __future__ import annotations

import logging

import discord
from discord import app_commands

from bot.adapters.discord.interactions import Interaction, language, tell
from bot.adapters.discord.markdown import escape
from bot.logs import about
from bot.requests.job import new_reference
from bot.service.errors import sentence
from bot.texts import say
from model.errors import LitteraError

log = logging.getLogger(__name__)

# The person's Discord shows a command as it was before.
_OUTDATED = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)


async def report(interaction: Interaction, error: Exception) -> None:
    """Say what went wrong to whoever asked, and in the log what we must look into."""
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
        return  # which has no place for words
    await tell(interaction, escape(notice), reference)
