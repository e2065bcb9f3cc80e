"""The slash commands of admins.

Discord shows them to server administrators, or only in the admins' server. That only keeps menus
tidy: bot.admin.admin checks the requester's rights on every use.
"""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.adapters.discord.commands import choices_of
from bot.adapters.discord.interactions import Interaction, host_of, reply_to, requester_of, tell
from bot.adapters.discord.localization import call_commands, description_of, name_of, term
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import notice_message
from bot.admin.admin import PREVIOUS
from bot.admin.commands import Command
from bot.texts import ENGLISH


@app_commands.command(name=name_of(Command.RELOAD), description=description_of(Command.RELOAD))
@app_commands.rename(checkpoint=term("name_checkpoint"))
@app_commands.describe(checkpoint=term("option_checkpoint"))
async def recargar(interaction: Interaction, checkpoint: Range[str, 1, 100] | None = None) -> None:
    """Load another checkpoint."""
    requester = requester_of(interaction)
    reply = reply_to(interaction, ephemeral=True)
    # Loading takes longer than Discord waits.
    await reply.acknowledge("reload")
    text = await host_of(interaction).admin.reload(requester, checkpoint or "")
    await reply.show(notice_message(escape(call_commands(text, requester.language))), "reload")


@recargar.autocomplete("checkpoint")
async def _checkpoints(interaction: Interaction, typed: str) -> list[Choice[str]]:
    requester, admin = requester_of(interaction), host_of(interaction).admin
    if not admin.allowed(requester):
        return []
    previous = PREVIOUS[requester.language == ENGLISH]
    return choices_of([previous, *admin.checkpoints(requester)], typed)


@app_commands.command(name=name_of(Command.STATUS), description=description_of(Command.STATUS))
async def estado(interaction: Interaction) -> None:
    """Report the status of the bot."""
    await tell(interaction, escape(host_of(interaction).admin.status(requester_of(interaction))))


@app_commands.command(name=name_of(Command.PAUSE), description=description_of(Command.PAUSE))
async def pausar(interaction: Interaction) -> None:
    """Refuse new requests."""
    done = await host_of(interaction).admin.pause(requester_of(interaction))
    await tell(interaction, escape(done))


@app_commands.command(name=name_of(Command.RESUME), description=description_of(Command.RESUME))
async def reanudar(interaction: Interaction) -> None:
    """Accept requests again."""
    done = await host_of(interaction).admin.resume(requester_of(interaction))
    await tell(interaction, escape(done))


ADMIN_COMMANDS: tuple[app_commands.Command[Any, ..., None], ...] = (
    recargar,
    estado,
    pausar,
    reanudar,
)
for _command in ADMIN_COMMANDS:
    # Permissions do not hide commands in private chats.
    _command.allowed_contexts = app_commands.AppCommandContext(guild=True)
    _command.allowed_installs = app_commands.AppInstallationType(guild=True)
    _command.default_permissions = discord.Permissions(administrator=True)
