"""The links by which people add the bot: what `litteragpt invite` shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import aiohttp
from yarl import URL

from bot.settings import Settings, SettingsError
from bot.texts import say
from model.errors import LitteraError

DISCORD_API = "https://discord.com/api/v10"
TELEGRAM_API = "https://api.telegram.org"
# Answers to interactions need no permission of the bot's own in the server.
PERMISSIONS = 0
SECONDS = 15.0
# https://docs.discord.com/developers/reference#user-agent
USER_AGENT = f"DiscordBot (litteragpt, {version('litteragpt')})"


class InviteError(LitteraError):
    """A platform could not be asked; the text (Spanish, a sentence) says why."""


async def invitations(settings: Settings) -> tuple[list[str], list[LitteraError]]:
    """A line for each way to add the bot, and what kept some of them from being found out. Raises
    SettingsError when no platform has a token."""
    platforms: list[Callable[[Settings, aiohttp.ClientSession], Awaitable[list[str]]]] = []
    if settings.discord_token is not None:
        platforms.append(_discord)
    if settings.telegram_token is not None:
        platforms.append(_telegram)
    if not platforms:
        raise SettingsError(say("invite_none"))
    lines: list[str] = []
    problems: list[LitteraError] = []
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for links_of in platforms:
            try:
                lines += await links_of(settings, session)
            except LitteraError as error:
                problems.append(error)
    return lines, problems


async def _discord(settings: Settings, session: aiohttp.ClientSession) -> list[str]:
    """https://docs.discord.com/developers/topics/oauth2#bot-authorization-flow"""
    token = settings.discord_token.get_secret_value() if settings.discord_token else ""
    application = await _ask(
        session,
        f"{settings.discord_api_base or DISCORD_API}/applications/@me",
        {"Authorization": f"Bot {token}", "User-Agent": USER_AGENT},
        platform="Discord",
        setting="DISCORD_TOKEN",
        where="discord.com/developers/applications, apartado Bot",
    )
    page = URL("https://discord.com/oauth2/authorize").with_query(client_id=application["id"])
    server = page.update_query(
        integration_type=0, scope="bot applications.commands", permissions=PERMISSIONS
    )
    account = page.update_query(integration_type=1, scope="applications.commands")
    return [say("invite_server", link=server), say("invite_account", link=account)]


async def _telegram(settings: Settings, session: aiohttp.ClientSession) -> list[str]:
    """https://core.telegram.org/api/links#bot-links"""
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else ""
    answer = await _ask(
        session,
        f"{settings.telegram_api_base or TELEGRAM_API}/bot{token}/getMe",
        {},
        platform="Telegram",
        setting="TELEGRAM_TOKEN",
        where="su conversación con @BotFather",
    )
    link = f"https://t.me/{answer['result']['username']}"
    lines = [say("invite_chat", link=link)]
    if answer["result"].get("can_join_groups", True):
        lines.append(say("invite_group", link=f"{link}?startgroup=true"))
    return lines


async def _ask(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], **names: str
) -> dict[str, Any]:
    """What a platform says of the bot. Raises SettingsError for a token that it does not know and
    InviteError for anything else; neither holds the address, which may hold the token."""
    try:
        async with session.get(url, headers=headers) as response:
            if response.status in (401, 403, 404):
                raise SettingsError(say("invite_refused", **names))
            if response.status != 200:
                raise InviteError(say("invite_failed", reason=response.status, **names))
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = type(error).__name__
        raise InviteError(say("invite_failed", reason=reason, **names)) from None
