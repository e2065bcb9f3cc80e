"""The commands in the menu of a message, under «Aplicaciones». The interaction contains the
message, so no intent is needed to read it."""

from __future__ import annotations

from collections.abc import Iterator

import discord
from discord import app_commands

from bot.adapters.discord.commands import anyhow, everywhere
from bot.adapters.discord.interactions import (
    Interaction,
    host_of,
    language,
    reply_to,
    requester_of,
    tell,
)
from bot.adapters.discord.localization import term
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import shown_text
from bot.requests.buttons import Button
from bot.requests.closing_phrase import closing_phrase
from bot.requests.job import Job
from bot.texts import say


@app_commands.context_menu(name=term("menu_continue"))
async def continue_message(interaction: Interaction, message: discord.Message) -> None:
    """Continue the end of a message."""
    host, requester = host_of(interaction), requester_of(interaction)
    phrase = closing_phrase(_text_of(message, interaction.client), host.settings.phrase_limit)
    if not phrase:
        await tell(interaction, escape(say("no_text", requester.language)))
        return
    reply = reply_to(interaction, ephemeral=False)
    host.begin(Job(phrase, host.settings.options(), requester, reply))


@app_commands.context_menu(name=term("menu_info"))
async def describe_message(interaction: Interaction, message: discord.Message) -> None:
    """Name the seed and the checkpoint of an answer."""
    buttons = list(_buttons_of(message)) if _is_ours(message, interaction.client) else []
    info = host_of(interaction).commands.info(buttons, language(interaction))
    await tell(interaction, escape(info))


def _text_of(message: discord.Message, client: discord.Client) -> str:
    if _is_ours(message, client) and (shown := shown_text(message)) is not None:
        return shown.text
    return discord.utils.remove_markdown(message.clean_content)


def _is_ours(message: discord.Message, client: discord.Client) -> bool:
    return client.user is not None and message.author.id == client.user.id


def _buttons_of(message: discord.Message) -> Iterator[Button]:
    for row in message.components:
        for component in getattr(row, "children", []):
            if (button := Button.read(getattr(component, "custom_id", None) or "")) is not None:
                yield button


MENUS = (continue_message, describe_message)
for _menu in MENUS:
    _menu.allowed_contexts, _menu.allowed_installs = everywhere, anyhow
