"""The connection to the Bot API: the library's Bot with pools of its own, and its failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from telegram.error import InvalidToken, TelegramError
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from bot.adapters.telegram.rate_limiter import Priority, RateLimiter
from bot.net.keepalive import KEEPALIVE
from bot.requests.arrival import arrived
from bot.requests.platform import RefusedError
from bot.settings.settings import Settings
from bot.texts import say
from model.errors import LitteraError

DEFAULT_BASE = "https://api.telegram.org"
# Exactly what is handled: https://core.telegram.org/bots/api#update
ALLOWED_UPDATES = ("message", "callback_query", "inline_query", "guest_message", "my_chat_member")
# Seconds a request may take to connect, to send and to be answered.
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
POOL_SIZE, POOL_SECONDS = 64, 30.0
SHOWN = 160  # characters of an error's text


class LinkError(LitteraError):
    """Telegram cannot be reached or answers nonsense; trying again may help."""


class Link(ExtBot[Priority]):
    """The Bot of one connection's life, with access to updates as they are on the wire."""

    def __repr__(self) -> str:
        return "Link"  # the library's shows the token

    async def raw_updates(
        self, offset: int, wait: int, read_timeout: float
    ) -> list[dict[str, Any]]:
        """What getUpdates answers, unparsed: one malformed update must not take the others along.

        Confirms every update before `offset`; waits up to `wait` seconds for new ones, in which the
        connection is silent, so `read_timeout` must be longer.
        """
        asked = {"offset": offset, "timeout": wait, "allowed_updates": list(ALLOWED_UPDATES)}
        updates = await self._post("getUpdates", asked, read_timeout=read_timeout)
        return updates if isinstance(updates, list) else []


def make_link(settings: Settings, limiter: RateLimiter, on_limit: Callable[[], None]) -> Link:
    """A fresh connection as the settings want it; nothing is sent yet. `on_limit` is called for
    every answer 429."""
    if settings.telegram_token is None:
        raise RefusedError(say("telegram_refused"))
    base = settings.telegram_api_base or DEFAULT_BASE
    return Link(
        settings.telegram_token.get_secret_value(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=_pool(POOL_SIZE, on_limit),
        get_updates_request=_pool(1, on_limit),
        rate_limiter=limiter,
    )


async def log_in(link: Link) -> None:
    """Ask who we are. Raises RefusedError for a token that is none, LinkError for anything else."""
    try:
        await link.initialize()
    except InvalidToken:  # its text holds the token
        raise RefusedError(say("telegram_refused")) from None
    except TelegramError as error:
        raise LinkError(in_short(error)) from None


def in_short(error: BaseException) -> str:
    """What went wrong, for a line of the log: no address, no page of HTML, nothing endless."""
    told = " ".join(str(error).split())
    told = told.partition(". Parsing the server response")[0]
    if len(told) > SHOWN:
        told = told[:SHOWN] + "..."
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _pool(size: int, on_limit: Callable[[], None]) -> HTTPXRequest:
    async def note_head(head: httpx.Response) -> None:
        if head.status_code == httpx.codes.TOO_MANY_REQUESTS:
            on_limit()
        elif _is_success(head):
            arrived()

    return HTTPXRequest(
        connection_pool_size=size,
        socket_options=KEEPALIVE,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
        pool_timeout=POOL_SECONDS,
        httpx_kwargs={"event_hooks": {"response": [note_head]}},
    )


def _is_success(head: httpx.Response) -> bool:
    """Telegram says with the first line whether it has done what was asked
    (https://core.telegram.org/bots/api#making-requests); a page of HTML is somebody else's word."""
    kind = head.headers.get("Content-Type", "")
    return head.status_code == httpx.codes.OK and kind.startswith("application/json")
