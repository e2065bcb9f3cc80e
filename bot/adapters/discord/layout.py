"""Over how many connections a bot's servers are spread, and which of them are this process's.

Of the connections that Discord calls shards, the one with number `(server >> 22) % count` brings
what happens in a server; what happens in no server comes over number 0.
https://docs.discord.com/developers/events/gateway#sharding
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.settings.settings import Settings


@dataclass(frozen=True)
class Layout:
    """numbers: the shards of this process; count: those of all processes; automatic: whether
    Discord's recommendation decided."""

    numbers: tuple[int, ...]
    count: int
    automatic: bool

    @property
    def sharded(self) -> bool:
        """Whether there are several. The one connection of a small bot is none of them, and is what
        it always was."""
        return self.count > 1


def layout_of(settings: Settings, recommended: int) -> Layout:
    """What the settings say, or else all that Discord recommends: one for a thousand servers."""
    count = settings.discord_shard_count
    if count is None:
        return Layout(tuple(range(recommended)), recommended, automatic=True)
    return Layout(settings.discord_shard_ids or tuple(range(count)), count, automatic=False)
