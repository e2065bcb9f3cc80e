"""REST calls about the bot itself, for invite, doctor and setup.

No error message contains a URL, because URLs may contain a token."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.settings.settings import Settings
from model.errors import LitteraError

DISCORD_API = "https://discord.com/api/v10"
TELEGRAM_API = "https://api.telegram.org"
SECONDS = 15.0
# https://docs.discord.com/developers/reference#user-agent
USER_AGENT = f"DiscordBot (litteragpt, {version('litteragpt')})"


class UnreachableError(LitteraError):
    """A platform did not respond or sent a malformed response; the message is a word or two to
    embed in a sentence."""


@dataclass(frozen=True)
class Reply:
    """A platform's response.

    content: decoded JSON.
    date: the platform's clock, in seconds since 1970."""

    status: int
    content: Any
    date: float | None

    @property
    def refused(self) -> bool:
        """Whether the platform rejects the token."""
        return self.status in (401, 403, 404)

    def object(self) -> dict[str, Any]:
        """The requested object, without Telegram's envelope. Raises UnreachableError if there is
        none."""
        content = self.content
        if isinstance(content, dict) and "ok" in content:  # https://core.telegram.org/bots/api
            content = content.get("result")
        if self.status != HTTPStatus.OK or not isinstance(content, dict):
            raise UnreachableError(str(self.status))
        return content


def api_session() -> aiohttp.ClientSession:
    """A session for a few requests."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))


async def ask_discord(session: aiohttp.ClientSession, settings: Settings, path: str) -> Reply:
    """GET a path of Discord's REST API as the bot. Raises UnreachableError."""
    url = f"{settings.discord_api_base or DISCORD_API}/{path}"
    token = _shown(settings.discord_token)
    return await _ask(session, url, {"Authorization": f"Bot {token}", "User-Agent": USER_AGENT})


async def ask_telegram(
    session: aiohttp.ClientSession, settings: Settings, method: str, **parameters: int
) -> Reply:
    """Call a read-only method of the Bot API. Raises UnreachableError."""
    base = settings.telegram_api_base or TELEGRAM_API
    url = f"{base}/bot{_shown(settings.telegram_token)}/{method}"
    return await _ask(session, url, {}, {name: str(value) for name, value in parameters.items()})


async def _ask(
    session: aiohttp.ClientSession,
    url: str,
    headers: dict[str, str],
    query: dict[str, str] | None = None,
) -> Reply:
    try:
        async with session.get(url, headers=headers, params=query) as response:
            content = await response.json(content_type=None) if response.status < 500 else None
            return Reply(response.status, content, _date_of(response))
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None


def _date_of(response: aiohttp.ClientResponse) -> float | None:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _shown(token: SecretStr | None) -> str:
    return "" if token is None else token.get_secret_value()
