"""The connection to the Bot API: python-telegram-bot's Bot with its HTTP pools and errors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
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
# The handled kinds: https://core.telegram.org/bots/api#update
ALLOWED_UPDATES = ("message", "callback_query", "inline_query", "guest_message", "my_chat_member")
# Timeouts of a request.
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
POOL_SIZE, POOL_SECONDS = 64, 30.0
ERROR_LENGTH = 160  # characters


class ConnectionFailedError(LitteraError):
    """Telegram is unreachable or its response is malformed; retrying may help."""


class ServerClock:
    """Telegram's time, by the Date header of its last response; before one, this machine's."""

    def __init__(self) -> None:
        self._ahead = 0.0  # seconds

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def note(self, head: httpx.Response) -> None:
        """Read a response; malformed dates are ignored."""
        with contextlib.suppress(ValueError):
            date = parsedate_to_datetime(head.headers.get("Date", ""))
            self._ahead = date.timestamp() - time.time()


class BotConnection(ExtBot[Priority]):
    """A Bot with access to raw updates, for one connection."""

    def __repr__(self) -> str:
        return "BotConnection"  # the library's repr contains the token

    async def raw_updates(
        self, offset: int, wait: int, read_timeout: float
    ) -> list[dict[str, Any]]:
        """The unparsed result of getUpdates: a malformed update must not hide the others.

        offset: the lowest wanted update; confirms all before it.
        wait: seconds to wait for new updates. `read_timeout` must be longer, since the connection
            is silent meanwhile.
        """
        asked = {"offset": offset, "timeout": wait, "allowed_updates": list(ALLOWED_UPDATES)}
        updates = await self._post("getUpdates", asked, read_timeout=read_timeout)
        return updates if isinstance(updates, list) else []


def make_connection(
    settings: Settings, limiter: RateLimiter, on_limit: Callable[[], None], clock: ServerClock
) -> BotConnection:
    """A new connection that has sent nothing yet. Calls `on_limit` for every response 429, and sets
    `clock` by every success."""
    if settings.telegram_token is None:
        raise RefusedError(say("telegram_refused"))
    base = settings.telegram_api_base or DEFAULT_BASE
    return BotConnection(
        settings.telegram_token.get_secret_value(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=_pool(POOL_SIZE, on_limit, clock),
        get_updates_request=_pool(1, on_limit, clock),
        rate_limiter=limiter,
    )


async def log_in(bot: BotConnection) -> None:
    """Fetch the bot's own user. Raises RefusedError for an invalid token, otherwise
    ConnectionFailedError."""
    try:
        await bot.initialize()
    except InvalidToken:  # its text contains the token
        raise RefusedError(say("telegram_refused")) from None
    except TelegramError as error:
        raise ConnectionFailedError(summarize_error(error)) from None


def summarize_error(error: BaseException) -> str:
    """An error as part of a log line: without addresses or HTML pages, and short."""
    text = " ".join(str(error).split())
    text = text.partition(". Parsing the server response")[0]
    if len(text) > ERROR_LENGTH:
        text = text[:ERROR_LENGTH] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _pool(size: int, on_limit: Callable[[], None], clock: ServerClock) -> HTTPXRequest:
    async def note_head(head: httpx.Response) -> None:
        if head.status_code == httpx.codes.TOO_MANY_REQUESTS:
            on_limit()
        elif _is_success(head):
            clock.note(head)
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
    """Whether these headers mean that the request took effect
    (https://core.telegram.org/bots/api#making-requests). An HTML page is a proxy's."""
    kind = head.headers.get("Content-Type", "")
    return head.status_code == httpx.codes.OK and kind.startswith("application/json")
