"""The commands of whoever runs the bot. Discord shows them to server administrators or in the
admins' server only, but that is no more than tidiness: who may use them is decided on every use."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.adapters.discord.commands import choices_of
from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.interactions import Interaction, requester_of, tell
from bot.adapters.discord.localization import call_commands, term
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import notice_message
from bot.admin.admin import PREVIOUS
from bot.texts import ENGLISH


@app_commands.command(name=term("name_recargar"), description=term("command_recargar"))
@app_commands.rename(checkpoint=term("name_checkpoint"))
@app_commands.describe(checkpoint=term("option_checkpoint"))
async def recargar(interaction: Interaction, checkpoint: Range[str, 1, 100] | None = None) -> None:
    """Serve from another checkpoint."""
    requester = requester_of(interaction)
    reply = Reply.to(interaction, ephemeral=True)
    # Loading takes longer than Discord waits.
    await reply.acknowledge("reload")
    told = await interaction.client.core.admin.reload(requester, checkpoint or "")
    await reply.show(notice_message(escape(call_commands(told, requester.language))), "reload")


@recargar.autocomplete("checkpoint")
async def _checkpoints(interaction: Interaction, typed: str) -> list[Choice[str]]:
    requester, administration = requester_of(interaction), interaction.client.core.admin
    if not administration.allowed(requester):
        return []
    previous = PREVIOUS[requester.language == ENGLISH]
    return choices_of([previous, *administration.checkpoints(requester)], typed)


@app_commands.command(name=term("name_estado"), description=term("command_estado"))
async def estado(interaction: Interaction) -> None:
    """How the bot is doing."""
    administration = interaction.client.core.admin
    await tell(interaction, escape(administration.status(requester_of(interaction))))


@app_commands.command(name=term("name_pausar"), description=term("command_pausar"))
async def pausar(interaction: Interaction) -> None:
    """Take no new requests."""
    administration = interaction.client.core.admin
    await tell(interaction, escape(await administration.pause(requester_of(interaction))))


@app_commands.command(name=term("name_reanudar"), description=term("command_reanudar"))
async def reanudar(interaction: Interaction) -> None:
    """Take requests again."""
    administration = interaction.client.core.admin
    await tell(interaction, escape(await administration.resume(requester_of(interaction))))


ADMIN_COMMANDS: tuple[app_commands.Command[Any, ..., None], ...] = (
    recargar,
    estado,
    pausar,
    reanudar,
)
for _command in ADMIN_COMMANDS:
    # In private everybody would see them, whatever the permissions.
    _command.allowed_contexts = app_commands.AppCommandContext(guild=True)
    _command.allowed_installs = app_commands.AppInstallationType(guild=True)
    _command.default_permissions = discord.Permissions(administrator=True)
