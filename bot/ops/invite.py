"""`litteragpt invite`: links that add the bot to a server, an account or a chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from yarl import URL

from bot.net.platform_api import Reply, UnreachableError, api_session, ask_discord, ask_telegram
from bot.settings.names import SettingsError
from bot.settings.settings import Settings
from bot.texts import say
from bot.token_formats import DISCORD, TELEGRAM, TOKEN_SETTINGS
from model.errors import LitteraError

# Interaction responses need no bot permissions in the server.
PERMISSIONS = 0


class InviteError(LitteraError):
    """A platform did not respond; the message (Spanish, one sentence) says why."""


async def invitations(settings: Settings) -> tuple[list[str], list[LitteraError]]:
    """A line per way to add the bot, and an error per platform that failed.

    Raises SettingsError if no platform has a token."""
    platforms: list[Callable[[aiohttp.ClientSession, Settings], Awaitable[list[str]]]] = []
    if settings.discord_token is not None:
        platforms.append(_discord)
    if settings.telegram_token is not None:
        platforms.append(_telegram)
    if not platforms:
        raise SettingsError(say("invite_none"))
    lines: list[str] = []
    problems: list[LitteraError] = []
    async with api_session() as session:
        for links_of in platforms:
            try:
                lines += await links_of(session, settings)
            except LitteraError as error:
                problems.append(error)
    return lines, problems


async def discord_application(session: aiohttp.ClientSession, settings: Settings) -> dict[str, Any]:
    """The bot's application (https://docs.discord.com/developers/resources/application).

    Raises SettingsError if Discord rejects the token, InviteError for other failures."""
    return await _known(ask_discord(session, settings, "applications/@me"), DISCORD)


async def telegram_bot(session: aiohttp.ClientSession, settings: Settings) -> dict[str, Any]:
    """The bot's user from getMe (https://core.telegram.org/bots/api#getme).

    Raises the same errors as `discord_application`."""
    return await _known(ask_telegram(session, settings, "getMe"), TELEGRAM)


async def _discord(session: aiohttp.ClientSession, settings: Settings) -> list[str]:
    """https://docs.discord.com/developers/topics/oauth2#bot-authorization-flow"""
    application = await discord_application(session, settings)
    page = URL("https://discord.com/oauth2/authorize").with_query(client_id=application["id"])
    server = page.update_query(
        integration_type=0, scope="bot applications.commands", permissions=PERMISSIONS
    )
    account = page.update_query(integration_type=1, scope="applications.commands")
    return [say("invite_server", link=server), say("invite_account", link=account)]


async def _telegram(session: aiohttp.ClientSession, settings: Settings) -> list[str]:
    """https://core.telegram.org/api/links#bot-links"""
    user = await telegram_bot(session, settings)
    link = f"https://t.me/{user['username']}"
    lines = [say("invite_chat", link=link)]
    if user.get("can_join_groups", True):
        lines.append(say("invite_group", link=f"{link}?startgroup=true"))
    return lines


async def _known(asking: Awaitable[Reply], platform: str) -> dict[str, Any]:
    """The object in the platform's response; raises SettingsError if it rejects the token."""
    try:
        reply = await asking
        if not reply.refused:
            return reply.object()
    except UnreachableError as error:
        raise InviteError(say("invite_failed", platform=platform, reason=error)) from None
    where, setting = say(f"token_from_{platform.lower()}"), TOKEN_SETTINGS[platform]
    raise SettingsError(say("invite_refused", platform=platform, setting=setting, where=where))
