"""Admin commands, and their refusal of other users."""

from __future__ import annotations

import pytest

from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import ADMIN, PHRASE, House
from tests.bot.adapters.discord.reading import seen, told
from tests.bot.records import audit
from tests.fakes.discord import ClientRefused

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

COMMANDS = ("recargar", "estado", "pausar", "reanudar")


async def test_status_reports_to_admins(home: House) -> None:
    await home.ask(home.person())
    report = await home.use(home.admin, "estado")
    for part in ("En marcha", "tiny", "p99", "PyTorch", "discord conectado", "MB"):
        assert part in report
    assert " - " not in report.replace("discord", "")  # everything has been measured


@pytest.mark.parametrize("name", COMMANDS)
async def test_server_administrators_are_no_admins(home: House, name: str) -> None:
    """Discord shows the commands to the server's owner, who has no rights in the bot."""
    assert await home.use(home.guild.owner, name) == say("not_admin")
    assert "denied" in home.log


@pytest.mark.parametrize("name", COMMANDS)
async def test_admin_commands_are_hidden_and_refused(home: House, name: str) -> None:
    ana = home.person(locale="en-US")
    with pytest.raises(ClientRefused):
        await home.discord.slash(ana, home.channel, name)
    forged = await home.discord.forge_slash(ana, home.channel, name)
    assert told(await home.answer(forged)) == say("not_admin", ENGLISH)
    assert not set(COMMANDS) & set(
        home.discord.visible_commands(home.admin, home.discord.dm(home.admin))
    )


async def test_autocompletion_offers_checkpoints_to_admins_only(home: House) -> None:
    discord, channel = home.discord, home.channel
    asked = await discord.autocomplete(home.admin, channel, "recargar", "checkpoint", "")
    assert [c["value"] for c in await asked.completions()] == ["anterior", "otro", "tiny"]
    asked = await discord.autocomplete(home.admin, channel, "recargar", "checkpoint", "T")
    assert [c["value"] for c in await asked.completions()] == ["tiny", "anterior", "otro"]
    asked = await discord.autocomplete(home.guild.owner, channel, "recargar", "checkpoint", "")
    assert await asked.completions() == []


async def test_pause_refuses_requests_until_resume(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana)
    assert await home.use(home.admin, "pausar") == say("paused_done")
    asked = await home.discord.slash(ana, home.channel, "escribe", frase=PHRASE)
    assert told(await home.answer(asked)) == say("paused")
    assert told(await home.press(ana, message, "Otra vez")) == say("paused")
    assert "En pausa" in await home.use(home.admin, "estado")
    assert await home.use(home.admin, "reanudar") == say("resumed_done")
    assert seen(await home.ask(ana)).phrase == PHRASE


async def test_audit_records_admin_commands(home: House) -> None:
    await home.use(home.admin, "pausar")
    await home.use(home.admin, "reanudar")
    done = audit(home.folder / "state")
    assert [entry.what for entry in done[-2:]] == ["pause", "resume"]
    assert {entry.who for entry in done} == {f"discord:{ADMIN}"}
