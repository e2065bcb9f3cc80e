"""Limits, lists of users, and commands of one server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import ADMIN, PHRASE, House, house
from tests.bot.adapters.discord.reading import seen, told
from tests.fakes.discord import User

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

BLOCKED = 666


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _strict(
    marked_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("strict")
    async with house(
        folder,
        marked_checkpoints,
        DISCORD_ADMIN_IDS=ADMIN,
        person_per_minute=2,
        server_per_minute=5,
        strikes=3,
        blocked_users=f"discord:{BLOCKED}",
    ) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def strict(_strict: House) -> AsyncIterator[House]:
    """A house with low limits; each test has its own server in it."""
    _strict.guild = _strict.discord.guild("Otra")
    _strict.channel = _strict.guild.channel("general")
    yield _strict
    _strict.check()


async def notice(strict: House, person: User) -> str:
    """The notice of a refused request."""
    asked = await strict.discord.slash(person, strict.channel, "escribe", frase=PHRASE)
    return told(await strict.answer(asked))


async def test_user_limit_names_the_remaining_time(strict: House) -> None:
    ana, ann = strict.person(), strict.person(locale="en-US")
    message = await strict.ask(ana)
    await strict.press(ana, message, "Otra vez")
    assert re.fullmatch(r"Admito 2 peticiones .* en (\d+ s|1 min)\.", await notice(strict, ana))
    assert "2 peticiones" in told(await strict.press(ana, message, "Continuar"))
    assert seen(await strict.ask(ann)).phrase == PHRASE  # other users are not affected


async def test_server_limit_applies_to_that_server_only(strict: House) -> None:
    for _ in range(5):
        await strict.ask(strict.person())
    last = strict.person(locale="en-GB")
    assert re.match(r"I have been asked a lot here: I take 5 ", await notice(strict, last))
    asked = await strict.discord.slash(last, strict.discord.dm(last), "escribe", frase=PHRASE)
    assert seen(await strict.answer(asked)).phrase == PHRASE


async def test_flooding_user_is_blocked_for_a_while(strict: House) -> None:
    ana = strict.person()
    await strict.ask(ana)
    await strict.ask(ana)
    told_last = [await notice(strict, ana) for _ in range(4)][-2:]
    assert all(told.startswith("Han sido muchas peticiones") for told in told_last)


async def test_blocked_user_is_refused(strict: House) -> None:
    outcast = User("Malo", id=str(BLOCKED), locale="en-US")
    strict.guild.join(outcast)
    assert await notice(strict, outcast) == say("not_allowed", ENGLISH)


async def test_server_commands_are_in_that_server_only(
    marked_checkpoints: Path, tmp_path: Path
) -> None:
    """No command shows twice, and admins' commands are in their server."""
    named, admins = "111", "222"
    async with house(
        tmp_path,
        marked_checkpoints,
        guilds={named: "Pruebas", admins: "Administración"},
        DISCORD_ADMIN_IDS=ADMIN,
        DISCORD_GUILD_IDS=named,
        DISCORD_ADMIN_GUILD_ID=admins,
    ) as ours:
        discord = ours.discord
        await discord.synced(10, times=3)
        by_id = {guild.id: guild for guild in discord.guilds}
        assert discord.commands() == {}
        assert "escribe" in discord.commands(by_id[named])
        assert "recargar" not in discord.commands(by_id[named])
        assert set(discord.commands(by_id[admins])) == {
            *("recargar", "estado", "pausar", "reanudar")
        }
        ana = by_id[named].join(discord.user("Ana"))
        asked = await discord.slash(ana, by_id[named].places[0], "escribe", frase=PHRASE)
        assert seen(await ours.answer(asked)).phrase == PHRASE
        by_id[admins].join(ours.admin)
        asked = await discord.slash(by_id[admins].owner, by_id[admins].places[0], "pausar")
        assert told(await ours.answer(asked)) == say("not_admin")
        ours.check()
