"""A client of discord.py and nothing of ours, for comparison: connects and stays.

python -m benchmarks.lone_client API_BASE GATEWAY_URL TOKEN INTENTS
"""

from __future__ import annotations

import sys

import discord
import yarl


def main() -> None:
    """Connect with the smallest caches that the library has settings for."""
    api_base, gateway, token, intents = sys.argv[1:]
    discord.http.Route.BASE = api_base
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    discord.Client(
        intents=discord.Intents._from_value(int(intents)),
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
    ).run(token, log_handler=None)


if __name__ == "__main__":
    main()
