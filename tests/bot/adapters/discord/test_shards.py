"""A bot with several shards, in one process and in two."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp
import pytest

from bot.cli import EXIT_CONFIG
from bot.monitoring.health import OK
from bot.texts import say
from tests.bot.adapters.discord.houses import ADMIN, PHRASE, TOKEN, House, quiet_house
from tests.bot.adapters.discord.reading import seen
from tests.bot.operating.watching import GREEN_SECONDS, Watcher, free_port
from tests.bot.programs import SECONDS
from tests.fakes.discord import ORDINARY, FakeDiscord, Permission, Place, Shard, User

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


def place_on(discord: FakeDiscord, shard: Shard, *people: User, with_bot: bool = True) -> Place:
    """A channel with members, in a new server of this shard."""
    guild = discord.guild(f"Servidor {shard.id}", shard=shard, with_bot=with_bot)
    for each in people:
        guild.join(each)
    return guild.channel("general")


def all_at_once(discord: FakeDiscord) -> None:
    """Have Discord accept sixteen sessions in five seconds, one for each bucket."""
    discord.gateway.starts.seconds, discord.gateway.starts.concurrency = 5.0, 16


async def answers(house: House, user: User, *places: Place) -> None:
    """Requests in all of these places are answered."""
    for place in places:
        assert seen(await house.ask(user, place)).phrase == PHRASE


async def test_lost_shard_returns_while_others_serve(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with quiet_house(tmp_path) as ours, aiohttp.ClientSession() as session:
        discord, gateway, ana = ours.discord, ours.discord.gateway, ours.person()
        all_at_once(discord)
        places = [place_on(discord, Shard(number, 3), ana) for number in range(3)]
        ours.channel = places[0]
        assert ours.channel.guild is not None
        ours.channel.guild.join(ours.admin, ORDINARY | Permission.ADMINISTRATOR)
        port = free_port()
        ours.start(
            marked_checkpoints,
            metrics_port=port,
            DISCORD_SHARD_COUNT=3,
            DISCORD_ADMIN_IDS=ADMIN,
        )
        await ours.ready(shards=3)
        await discord.synced(SECONDS)
        assert sorted(each["shard"] for each in gateway.identified) == [[0, 3], [1, 3], [2, 3]]
        watcher = Watcher(port, session)
        await watcher.until("readyz", 200, GREEN_SECONDS)
        await answers(ours, ana, discord.dm(ana), *places)
        told = await ours.use(ours.admin, "estado")
        assert "discord conectado (shards 0-2/3; servidores 4, " in told
        assert await watcher.value("shards") == 3
        assert await watcher.value("shard_servers") == 4

        gateway.unreachable.add(1)
        gateway.drop(shard=1)
        gateway.drop(shard=2)
        await discord.resumed(SECONDS)
        await answers(ours, ana, places[0], places[2])
        parts = await watcher.until("readyz", 503, GREEN_SECONDS)
        assert parts == {"worker": OK, "discord": "disconnected: 1"}
        assert await watcher.value("shard_connected", shard="1") == 0
        assert await watcher.value("shard_reconnects_total", shard="2") >= 1
        assert "sin conexión: 1" in await ours.use(ours.admin, "estado")
        gateway.unreachable.clear()
        await watcher.until("readyz", 200, GREEN_SECONDS)
        await answers(ours, ana, *places)
        assert len(gateway.identified) == 3, "a session was begun anew instead of resumed"
        assert "[shard 1]" in ours.log
        assert gateway.starts.hurried == []
        ours.check()


async def test_two_processes_share_shards_and_register_once(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with (
        FakeDiscord(token=TOKEN) as discord,
        quiet_house(tmp_path / "one", discord) as one,
        quiet_house(tmp_path / "other", discord) as other,
    ):
        all_at_once(discord)
        ana = discord.user("Ana", installed=True)
        first, second = (place_on(discord, Shard(number, 4), ana) for number in (1, 2))
        away = place_on(discord, Shard(3, 4), ana, with_bot=False)
        one.start(marked_checkpoints, DISCORD_SHARD_COUNT=4, DISCORD_SHARD_IDS="0-1")
        other.start(marked_checkpoints, DISCORD_SHARD_COUNT=4, DISCORD_SHARD_IDS="2,3")
        await one.ready(shards=4)
        await discord.synced(SECONDS)
        await answers(one, ana, discord.dm(ana), first, second, away)

        await other.stop(signal.SIGKILL)
        await discord.changes.until(
            lambda: len(discord.gateway.listening) == 2, 10, lambda: "still connected"
        )
        lost = await discord.slash(ana, second, "escribe", frase=PHRASE)
        await answers(one, ana, discord.dm(ana), first)
        await discord.changes.until(lambda: lost.lapsed, 10, lambda: "answered by somebody")

        # One session is left today, reserved for the other process. The limit
        # resets soon after the bot fetches it, however long its start takes.
        discord.faults.slow("GET", "/gateway/bot", 1.0)
        asked = len(discord.calls("GET", "/gateway/bot"))
        other.start(marked_checkpoints)
        await discord.changes.until(
            lambda: len(discord.calls("GET", "/gateway/bot")) > asked, SECONDS, lambda: "not asked"
        )
        discord.gateway.starts.end_in(3.0, left=1)
        await other.logged("Discord takes no more sessions today; waiting")
        await one.ready(shards=4)
        await answers(other, ana, second, away)
        assert discord.sync_count == 1
        assert discord.gateway.starts.hurried == []
        one.check()
        other.check()


async def test_grown_bot_adds_recommended_shards(marked_checkpoints: Path, tmp_path: Path) -> None:
    async with quiet_house(tmp_path) as ours:
        discord, gateway, ana = ours.discord, ours.discord.gateway, ours.person()
        discord.guilds.clear()
        places = [place_on(discord, Shard(number, 2), ana) for number in range(2)]
        # Another process has just identified, so the first session is refused.
        all_at_once(discord)
        gateway.starts.hurries(Shard())
        ours.start(marked_checkpoints)
        await ours.ready()
        assert gateway.starts.hurried == [Shard()]
        await answers(ours, ana, *places)
        gateway.most_servers, discord.recommended_shards = 1, 2
        gateway.invalidate(resumable=False)
        await ours.ready(shards=2)
        await answers(ours, ana, discord.dm(ana), *places)
        shards = [each.get("shard") for each in gateway.identified]
        assert shards == [None, None, None, [0, 2], [1, 2]]
        assert gateway.starts.hurried == [Shard()]
        assert discord.sync_count == 1
        (refused,) = discord.violations
        assert refused.startswith("gateway 4011 SHARDING_REQUIRED: 2 servers")
        discord.violations.clear()
        ours.check()


async def test_too_few_configured_shards_end_the_bot(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with quiet_house(tmp_path) as ours:
        ours.discord.gateway.most_servers = 0
        ours.start(marked_checkpoints, DISCORD_SHARD_COUNT=1)
        assert await ours.ended() == EXIT_CONFIG
        assert ours.log.splitlines()[-1] == say("discord_shards", count=1)
        assert "Traceback" not in ours.log


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (4010, say("discord_shard", number=1, count=2)),
        (4014, say("discord_closed", code=4014)),
    ],
)
async def test_refused_shard_ends_the_bot(
    marked_checkpoints: Path, tmp_path: Path, code: int, sentence: str
) -> None:
    async with quiet_house(tmp_path) as ours:
        all_at_once(ours.discord)
        ours.start(marked_checkpoints, DISCORD_SHARD_COUNT=2)
        await ours.ready(shards=2)
        await ours.discord.gateway.close(code, shard=1)
        assert await ours.ended() == EXIT_CONFIG
        assert ours.log.splitlines()[-1] == sentence
        assert "Traceback" not in ours.log


async def test_invalid_shards_end_the_bot_at_start(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with quiet_house(tmp_path) as ours:
        ours.start(marked_checkpoints, DISCORD_SHARD_COUNT=2, DISCORD_SHARD_IDS="1-2")
        assert await ours.ended() == EXIT_CONFIG
        (line,) = ours.log.splitlines()
        assert line.startswith("DISCORD_SHARD_IDS: 2 no vale")
        assert ours.discord.rest.calls == []
