"""What the menu of a message offers under «Aplicaciones». The message comes with the interaction,
so no intent is needed to read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.adapters.discord.commands import anyhow, everywhere
from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.interactions import Interaction, language, requester_of, tell
from bot.adapters.discord.localization import term
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import shown_text
from bot.requests.buttons import Button, origin_of
from bot.requests.closing_phrase import closing_phrase
from bot.requests.job import Job
from bot.texts import say

if TYPE_CHECKING:
    from bot.adapters.discord.client import LitteraClient


@app_commands.context_menu(name=term("menu_continue"))
async def continue_message(interaction: Interaction, message: discord.Message) -> None:
    """Continue the end of a message."""
    client, requester = interaction.client, requester_of(interaction)
    settings = client.core.settings
    phrase = closing_phrase(_text_of(message, client), settings.phrase_limit)
    if not phrase:
        await tell(interaction, escape(say("no_text", requester.language)))
        return
    reply = Reply.to(interaction, ephemeral=False)
    client.begin(Job(phrase, settings.options(), requester, reply))


@app_commands.context_menu(name=term("menu_info"))
async def describe_message(interaction: Interaction, message: discord.Message) -> None:
    """With which seed and checkpoint a text of ours was written."""
    buttons = list(_buttons_of(message)) if _is_ours(message, interaction.client) else []
    asker = language(interaction)
    await tell(
        interaction, escape(origin_of(buttons, asker) if buttons else say("not_mine", asker))
    )


def _text_of(message: discord.Message, client: LitteraClient) -> str:
    if _is_ours(message, client) and (shown := shown_text(message)) is not None:
        return shown.text
    return discord.utils.remove_markdown(message.clean_content)


def _is_ours(message: discord.Message, client: LitteraClient) -> bool:
    return client.user is not None and message.author.id == client.user.id


def _buttons_of(message: discord.Message) -> Iterator[Button]:
    for row in message.components:
        for component in getattr(row, "children", []):
            if (button := Button.read(getattr(component, "custom_id", None) or "")) is not None:
                yield button


MENUS = (continue_message, describe_message)
for _menu in MENUS:
    _menu.allowed_contexts, _menu.allowed_installs = everywhere, anyhow
