"""The commands that everybody has."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.app_commands import Choice, Range

from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.interactions import Interaction, language, requester_of, tell
from bot.adapters.discord.localization import term
from bot.adapters.discord.markdown import escape
from bot.admin.reports import model_report
from bot.requests.job import Job
from bot.texts import say
from model.text.prompt import PHRASE_LIMIT

# What Discord shows of an autocompletion.
CHOICES = 25
# Discord's integers end here.
LARGEST_INTEGER = 2**53 - 1

everywhere = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
anyhow = app_commands.AppInstallationType(guild=True, user=True)


@app_commands.command(name=term("name_escribe"), description=term("command_escribe"))
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
    client = interaction.client
    options = client.core.settings.options(
        sentences=frases, style=estilo, temperature=temperatura, seed=semilla
    )
    reply = Reply.to(interaction, ephemeral=privado, card=tarjeta)
    client.begin(Job(frase, options, requester_of(interaction), reply, private=privado))


@escribe.autocomplete("estilo")
async def _styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    styles = interaction.client.core.executor.serving.styles
    return choices_of(styles, typed)


@app_commands.command(name=term("name_ayuda"), description=term("command_ayuda"))
async def ayuda(interaction: Interaction) -> None:
    """What the bot can do."""
    await tell(interaction, say("help_discord", language(interaction)))


@app_commands.command(name=term("name_modelo"), description=term("command_modelo"))
async def modelo(interaction: Interaction) -> None:
    """Which model writes."""
    core = interaction.client.core
    speed = core.service.stats.speed
    await tell(
        interaction, escape(model_report(core.executor.serving, speed, language(interaction)))
    )


@app_commands.command(name=term("name_privacidad"), description=term("command_privacidad"))
@app_commands.rename(borrar=term("name_borrar"))
@app_commands.describe(borrar=term("option_borrar"))
async def privacidad(interaction: Interaction, borrar: bool = False) -> None:
    """What the bot keeps, or an end of it."""
    core = interaction.client.core
    key = "privacy_logged" if core.settings.log_phrases else "privacy"
    if borrar:
        await core.service.forget(requester_of(interaction))
        key = "erased"
    await tell(interaction, escape(say(key, language(interaction))))


@app_commands.command(name=term("name_cancelar"), description=term("command_cancelar"))
async def cancelar(interaction: Interaction) -> None:
    """Stop what is being written for whoever asks this."""
    person = requester_of(interaction).person
    cancelled = await interaction.client.core.service.cancel_anywhere(person)
    key = "cancelling" if cancelled else "nothing_to_cancel"
    await tell(interaction, escape(say(key, language(interaction))))


def choices_of(names: tuple[str, ...] | list[str], typed: str) -> list[Choice[str]]:
    """The names that hold what was typed, those that begin with it first."""
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
