"""One of the connections to Discord, or the only one of a small bot, as it can be supervised.

Each is a client of its own, which discord.py resumes by itself. The library's AutoShardedClient has
all shards in one, but brings them back one after the other: while it waits for one that Discord
does not let in, the rest stay lost; and after a refused connection it begins a new session where a
plain client resumes the old one, so that what happened meanwhile is lost too.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

import discord

from bot.adapters.discord.client import LitteraClient, SessionOverError
from bot.logs import of_shard
from bot.requests.platform import RefusedError
from bot.texts import say

if TYPE_CHECKING:
    from bot.adapters.discord.adapter import Discord
    from bot.adapters.discord.layout import Layout
    from bot.adapters.discord.starts import Starts

log = logging.getLogger(__name__)

# Close codes of the gateway that come again at the next try.
# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway
AUTHENTICATION_FAILED, INVALID_SHARD, SHARDING_REQUIRED = 4004, 4010, 4011
FATAL_CODES = frozenset({4012, 4013, 4014})


class TooFewShardsError(RefusedError):
    """The bot is in more servers than its connections may bring."""


class Shard:
    """A connection that begins again whenever its session or its client is over."""

    def __init__(
        self, adapter: Discord, token: str, starts: Starts, layout: Layout, number: int
    ) -> None:
        self.name = f"{adapter.name} shard {number}" if layout.sharded else adapter.name
        self._adapter, self._token, self._starts = adapter, token, starts
        self._layout, self._number = layout, number

    async def run(self) -> None:
        """Connect and serve until that fails. Raises RefusedError where retrying is no use."""
        with of_shard(self._number) if self._layout.sharded else nullcontext():
            while True:
                try:
                    await self._live()
                except SessionOverError:
                    log.info("the session is over; another one begins")
                except discord.LoginFailure:
                    raise RefusedError(say("discord_token")) from None
                except discord.PrivilegedIntentsRequired:
                    raise RefusedError(say("discord_closed", code=4014)) from None
                except discord.ConnectionClosed as error:
                    raise self._refusal(error.code) or error from None
                else:
                    return

    async def _live(self) -> None:
        try:
            async with LitteraClient(self._adapter, self._layout, self._number) as client:
                await client.serve(self._token, self._starts)
        finally:
            self._adapter.connection.lines[self._number].note(False)

    def _refusal(self, code: int) -> RefusedError | None:
        """What a close code means that no further try would change."""
        count = self._layout.count
        if code == AUTHENTICATION_FAILED:
            return RefusedError(say("discord_token"))
        if code == INVALID_SHARD:
            return RefusedError(say("discord_shard", number=self._number, count=count))
        if code == SHARDING_REQUIRED:
            return TooFewShardsError(say("discord_shards", count=count))
        return RefusedError(say("discord_closed", code=code)) if code in FATAL_CODES else None
