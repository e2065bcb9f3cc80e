"""Memory per Discord server and per connection of a bot process.

    python -m benchmarks.shards [--rounds 3]

Starts the real bot with the bundled checkpoint against the Discord of `tests/fakes` on this machine
with growing numbers of servers and connections. Reads the memory of its process (without the
worker, which has no state of servers) once all connections are ready, and again after a command in
each server. For comparison it also measures the library alone with its own cache of servers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord as library
from rich.console import Console
from rich.table import Table

from bot.service.stats import resident_memory
from bot.settings.names import PREFIXES
from tests.chaos.process import Bot
from tests.fakes.discord import FakeDiscord, Guild, Shard
from training.run.machine import describe_machine

# Servers, and the connections that they are spread over.
SIZES = ((0, 1), (1000, 1), (2000, 1), (2000, 2), (8000, 8), (16_000, 16))
# What the library keeps depends on what Discord sends, which depends on the intents.
ALONE = {"no intents": library.Intents.none(), "intent guilds": library.Intents(guilds=True)}
ALONE_SERVERS = 2000
CHANNELS, ROLES = 20, 10  # of a server, where channels and roles are sent
SECONDS = 120.0
SETTLE_SECONDS = 3.0
AT_ONCE = 20


@dataclass
class Memory:
    """MB of one process."""

    connected: float
    used: float = 0.0


def plain() -> dict[str, str]:
    """This process's environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}


def megabytes(pid: int) -> float:
    """What a process holds."""
    return (resident_memory(pid) or 0) / 2**20


async def use_everywhere(discord: FakeDiscord) -> None:
    """Use a command in each server, some at once."""
    ana = discord.user("Ana")
    free = asyncio.Semaphore(AT_ONCE)

    async def use(guild: Guild) -> None:
        async with free:
            guild.join(ana)
            await (await discord.slash(ana, guild.places[0], "ayuda")).final(SECONDS)

    await asyncio.gather(*map(use, discord.guilds))


async def of_bot(servers: int, shards: int) -> Memory:
    """The bot in `servers` servers over `shards` connections."""
    async with FakeDiscord() as discord:
        discord.gateway.starts.concurrency = shards
        for number in range(servers):
            shard = Shard(number % shards, shards)
            discord.guild(f"Servidor {number}", shard=shard).channel("general")
        with tempfile.TemporaryDirectory() as name:
            bot = Bot(settings(Path(name), discord, shards), Path(name) / "bot.log")
            await bot.start()
            try:
                await discord.ready(SECONDS, shards)
                await discord.synced(SECONDS)
                await asyncio.sleep(SETTLE_SECONDS)
                memory = Memory(megabytes(bot.pid))
                await use_everywhere(discord)
                memory.used = megabytes(bot.pid)
            finally:
                await bot.stop()
        if discord.violations:
            raise RuntimeError("; ".join(discord.violations))
        return memory


def settings(folder: Path, discord: FakeDiscord, shards: int) -> Mapping[str, str]:
    """The bundled checkpoint and the fake."""
    return plain() | {
        "LITTERAGPT_STATE_DIR": str(folder / "state"),
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "DISCORD_SHARD_COUNT": str(shards),
    }


@asynccontextmanager
async def library_alone(discord: FakeDiscord, intents: library.Intents) -> AsyncIterator[int]:
    """A process with a client of the library and nothing of ours; its number."""
    arguments = (discord.api_base, discord.gateway_url, discord.token, str(intents.value))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.lone_client", *arguments, env=plain()
    )
    try:
        await discord.ready(SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def of_library(intents: library.Intents, servers: int) -> float:
    """The library alone in a number of servers."""
    async with FakeDiscord() as discord:
        for number in range(servers):
            guild = discord.guild(f"Servidor {number}")
            for each in range(CHANNELS):
                guild.channel(f"canal {each}")
            for each in range(ROLES):
                guild.role(f"papel {each}")
        async with library_alone(discord, intents) as pid:
            return megabytes(pid)


def middle(values: Iterable[float]) -> str:
    """The median and the range."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} ({ordered[0]:.1f}-{ordered[-1]:.1f})"


async def measure(rounds: int) -> list[Table]:
    """All cases, interleaved, for a number of rounds."""
    bots: dict[tuple[int, int], list[Memory]] = {size: [] for size in SIZES}
    alone: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for size, found in bots.items():
            found.append(await of_bot(*size))
        for name, intents in ALONE.items():
            for servers in (0, ALONE_SERVERS):
                alone.setdefault((name, servers), []).append(await of_library(intents, servers))
    table = Table(title=f"Memory of the bot's process, MB: {describe_machine('cpu')}")
    for head in ("servers", "connections", "connected", "after a command in each server"):
        table.add_column(head, justify="right")
    for (servers, shards), found in bots.items():
        connected, used = middle(m.connected for m in found), middle(m.used for m in found)
        table.add_row(f"{servers:,}", str(shards), connected, used)
    other = Table(title=f"The library alone, MB ({CHANNELS} channels and {ROLES} roles a server)")
    for head in ("intents", "servers", "connected"):
        other.add_column(head, justify="right")
    for (name, servers), values in alone.items():
        other.add_row(name, f"{servers:,}", middle(values))
    return [table, other]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    console = Console()
    for table in asyncio.run(measure(rounds)):
        console.print(table)


if __name__ == "__main__":
    main()
