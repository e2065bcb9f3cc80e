"""The slash commands of all users."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.app_commands import Choice, Range

from bot.adapters.discord.interactions import (
    Interaction,
    host_of,
    language,
    reply_to,
    requester_of,
    tell,
)
from bot.adapters.discord.localization import description_of, name_of, term
from bot.adapters.discord.markdown import escape
from bot.admin.commands import Command
from bot.requests.job import Job
from bot.texts import say
from model.text.prompt import PHRASE_LIMIT

# Most choices of an autocompletion.
CHOICES = 25
# Discord's integers end here.
LARGEST_INTEGER = 2**53 - 1

everywhere = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
anyhow = app_commands.AppInstallationType(guild=True, user=True)


@app_commands.command(name=name_of(Command.WRITE), description=description_of(Command.WRITE))
@app_commands.rename(
    frase=term("name_frase"),
    estilo=term("name_estilo"),
    frases=term("name_frases"),
    temperatura=term("name_temperatura"),
    semilla=term("name_semilla"),
    privado=term("name_privado"),
    tarjeta=term("name_tarjeta"),
)
@app_commands.describe(
    frase=term("option_frase"),
    estilo=term("option_estilo"),
    frases=term("option_frases"),
    temperatura=term("option_temperatura"),
    semilla=term("option_semilla"),
    privado=term("option_privado"),
    tarjeta=term("option_tarjeta"),
)
async def escribe(
    interaction: Interaction,
    frase: Range[str, 1, PHRASE_LIMIT],
    estilo: Range[str, 1, 40] | None = None,
    frases: Range[int, 1, 5] | None = None,
    temperatura: Range[float, 0.0, 2.0] | None = None,
    semilla: Range[int, 0, LARGEST_INTEGER] | None = None,
    privado: bool = False,
    tarjeta: bool = False,
) -> None:
    """Continue a phrase."""
    host = host_of(interaction)
    options = host.settings.options(
        sentences=frases, style=estilo, temperature=temperatura, seed=semilla
    )
    reply = reply_to(interaction, ephemeral=privado, card=tarjeta)
    host.begin(Job(frase, options, requester_of(interaction), reply, private=privado))


@escribe.autocomplete("estilo")
async def _styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return choices_of(host_of(interaction).styles(), typed)


@app_commands.command(name=name_of(Command.HELP), description=description_of(Command.HELP))
async def ayuda(interaction: Interaction) -> None:
    """Show the help."""
    await tell(interaction, say("help_discord", language(interaction)))


@app_commands.command(name=name_of(Command.MODEL), description=description_of(Command.MODEL))
async def modelo(interaction: Interaction) -> None:
    """Describe the model."""
    await tell(interaction, escape(host_of(interaction).commands.model(language(interaction))))


@app_commands.command(name=name_of(Command.PRIVACY), description=description_of(Command.PRIVACY))
@app_commands.rename(borrar=term("name_borrar"))
@app_commands.describe(borrar=term("option_borrar"))
async def privacidad(interaction: Interaction, borrar: bool = False) -> None:
    """Say what the bot stores about people, or erase the requester's data."""
    commands = host_of(interaction).commands
    await tell(interaction, escape(await commands.privacy(requester_of(interaction), erase=borrar)))


@app_commands.command(name=name_of(Command.CANCEL), description=description_of(Command.CANCEL))
async def cancelar(interaction: Interaction) -> None:
    """Cancel the requester's running job."""
    _, notice = await host_of(interaction).commands.cancel(requester_of(interaction))
    await tell(interaction, escape(notice))


def choices_of(names: tuple[str, ...] | list[str], typed: str) -> list[Choice[str]]:
    """The names that contain the typed text; names that begin with it come first."""
    wanted = typed.strip().lower()
    found = [name for name in names if wanted in name.lower() and len(name) <= 100]
    found.sort(key=lambda name: not name.lower().startswith(wanted))
    return [Choice(name=name, value=name) for name in found[:CHOICES]]


COMMANDS: tuple[app_commands.Command[Any, ..., None], ...] = (
    escribe,
    ayuda,
    modelo,
    privacidad,
    cancelar,
)
for _command in COMMANDS:
    _command.allowed_contexts, _command.allowed_installs = everywhere, anyhow
