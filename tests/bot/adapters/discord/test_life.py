"""Start and end of the bot on Discord, and registration of commands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.cli import EXIT_CONFIG
from bot.texts import say
from tests.bot.adapters.discord.houses import PHRASE, quiet_house
from tests.bot.adapters.discord.reading import seen
from tests.bot.programs import SECONDS
from tests.bot.records import forget

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_bad_token_ends_the_bot(marked_checkpoints: Path, tmp_path: Path) -> None:
    async with quiet_house(tmp_path) as ours:
        ours.discord.faults.token_revoked = True
        ours.start(marked_checkpoints)
        assert await ours.ended() == EXIT_CONFIG
        assert ours.log.splitlines()[-1] == say("discord_token")
        assert "Traceback" not in ours.log
        ours.check()


async def test_revoked_token_lets_answers_finish(marked_checkpoints: Path, tmp_path: Path) -> None:
    async with quiet_house(tmp_path) as ours:
        ours.start(marked_checkpoints, sentence_limit=600)
        await ours.ready()
        await ours.discord.synced(SECONDS)
        asked = await ours.discord.slash(ours.person(), ours.channel, "escribe", frase=PHRASE)
        await asked.acknowledged()
        await ours.discord.revoke_token()
        message = await ours.outcome(asked, 20)
        assert seen(message).phrase == PHRASE
        assert await ours.ended() == EXIT_CONFIG
        assert ours.log.splitlines()[-1] == say("discord_token")
        ours.check()


async def test_bot_waits_for_discord_and_registers_once(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with quiet_house(tmp_path) as ours:
        discord = ours.discord
        # Discord is away, then refuses to register commands.
        discord.faults.status("PUT", "/applications/*/commands", 503)
        await discord.refuse_connections(600)
        ours.start(marked_checkpoints)
        await ours.logged("discord is down (UnreachableError: ClientConnectorError)")
        await discord.accept_connections()
        await ours.ready()
        # The bot serves before its commands are registered.
        await discord.synced(SECONDS)
        await discord.changes.until(lambda: discord.commands(), 30, lambda: "no commands")
        assert seen(await ours.ask(ours.person())).phrase == PHRASE
        assert "Traceback" not in ours.log
        taken = discord.sync_count
        tried = [call for call in discord.rest.calls if call.method == "PUT"]

        await ours.restart(marked_checkpoints)
        assert seen(await ours.ask(ours.person())).phrase == PHRASE
        assert discord.sync_count == taken
        assert [call for call in discord.rest.calls if call.method == "PUT"] == tried

        # Changed commands are registered again.
        assert await ours.stop() == 0
        forget(ours.folder / "state", "discord_commands")
        await discord.disconnected(10)
        ours.start(marked_checkpoints)
        await discord.synced(SECONDS, times=taken + 1)
        ours.check()


async def test_removed_servers_lose_their_commands(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    async with quiet_house(tmp_path) as ours:
        discord, guild = ours.discord, ours.guild
        ours.start(marked_checkpoints, DISCORD_GUILD_IDS=guild.id)
        await ours.ready()
        await discord.synced(SECONDS, times=2)
        assert discord.commands() == {}
        assert "escribe" in discord.commands(guild)
        assert await ours.stop() == 0
        await discord.disconnected(10)
        del ours.environment["DISCORD_GUILD_IDS"]
        ours.start(marked_checkpoints)
        await discord.synced(SECONDS, times=4)
        await asyncio.sleep(0.1)
        assert "escribe" in discord.commands()
        assert discord.commands(guild) == {}
        discord.violations[:] = [told for told in discord.violations if "shown twice" not in told]
        ours.check()
