"""Shards: the gateway connections that a bot's servers are spread over, and those of this process.

Shard `(server >> 22) % count` brings the events of a server; shard 0 also brings those of no
server. https://docs.discord.com/developers/events/gateway#sharding
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from bot.net.platform_api import UnreachableError, ask_discord
from bot.requests.platform import RefusedError
from bot.settings.settings import Settings
from bot.texts import say

ASK_SECONDS = 15.0


@dataclass(frozen=True)
class ShardAssignment:
    """The shards of this process."""

    numbers: tuple[int, ...]
    # Of all processes together.
    count: int
    # Whether Discord's recommendation decided.
    automatic: bool

    @property
    def sharded(self) -> bool:
        """Whether there are several; the only connection of a small bot does not identify as a
        shard."""
        return self.count > 1


def assign_shards(settings: Settings, recommended: int) -> ShardAssignment:
    """The configured shards, or else all that Discord recommends: one for a thousand servers."""
    count = settings.discord_shard_count
    if count is None:
        return ShardAssignment(tuple(range(recommended)), recommended, automatic=True)
    numbers = settings.discord_shard_ids or tuple(range(count))
    return ShardAssignment(numbers, count, automatic=False)


@dataclass(frozen=True)
class GatewayLimits:
    """The answer of GET /gateway/bot."""

    # Recommended number of shards.
    shards: int
    # Sessions that may begin before the limit resets.
    remaining: int
    # Seconds until then.
    reset: float
    # Shards that may identify within five seconds.
    concurrency: int


async def ask_limits(session: aiohttp.ClientSession, settings: Settings) -> GatewayLimits:
    """Fetch the limits. Raises RefusedError for an unknown token, and UnreachableError."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reply = await ask_discord(session, settings, "gateway/bot")
    except TimeoutError:
        raise UnreachableError("TimeoutError") from None
    if reply.refused:
        raise RefusedError(say("discord_token"))
    content = reply.object()
    try:
        limit = content["session_start_limit"]
        return GatewayLimits(
            shards=max(1, int(content["shards"])),
            remaining=int(limit["remaining"]),
            reset=int(limit["reset_after"]) / 1000,
            concurrency=max(1, int(limit["max_concurrency"])),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None
