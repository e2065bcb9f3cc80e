"""One gateway connection, under supervision; a small bot has only one.

Each shard is a client of its own, which discord.py resumes. The library's AutoShardedClient brings
its shards back one after the other: while it waits for a shard that Discord refuses, the others
stay disconnected. It also begins a new session after a refused connection, where a plain client
resumes the old one and loses no events.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext

import discord

from bot.adapters.discord.client import LitteraClient, SessionOverError
from bot.adapters.discord.identify_limiter import IdentifyLimiter
from bot.adapters.discord.interactions import Host
from bot.adapters.discord.sharding import ShardAssignment
from bot.logs import of_shard
from bot.requests.platform import RefusedError
from bot.texts import say

log = logging.getLogger(__name__)

# Close codes of the gateway that retrying does not change.
# https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway
AUTHENTICATION_FAILED, INVALID_SHARD, SHARDING_REQUIRED = 4004, 4010, 4011
FATAL_CODES = frozenset({4012, 4013, 4014})


class TooFewShardsError(RefusedError):
    """The bot is in more servers than its shards may serve."""


class Shard:
    """A connection with a new client after every session."""

    def __init__(
        self,
        host: Host,
        token: str,
        limiter: IdentifyLimiter,
        assignment: ShardAssignment,
        number: int,
    ) -> None:
        name = host.platform.name
        self.name = f"{name} shard {number}" if assignment.sharded else name
        self._host, self._token, self._limiter = host, token, limiter
        self._assignment, self._number = assignment, number

    async def run(self) -> None:
        """Connect and serve until that fails. Raises RefusedError if retrying is pointless."""
        with of_shard(self._number) if self._assignment.sharded else nullcontext():
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
            async with LitteraClient(self._host, self._assignment, self._number) as client:
                await client.serve(self._token, self._limiter)
        finally:
            self._host.connection.lines[self._number].note(False)

    def _refusal(self, code: int) -> RefusedError | None:
        """The error for a close code that retrying does not change."""
        count = self._assignment.count
        if code == AUTHENTICATION_FAILED:
            return RefusedError(say("discord_token"))
        if code == INVALID_SHARD:
            return RefusedError(say("discord_shard", number=self._number, count=count))
        if code == SHARDING_REQUIRED:
            return TooFewShardsError(say("discord_shards", count=count))
        return RefusedError(say("discord_closed", code=code)) if code in FATAL_CODES else None
