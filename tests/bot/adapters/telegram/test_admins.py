"""Admin commands: change the model under load, report the status, pause."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.telegram.admin_commands import choice_id
from bot.adapters.telegram.rendering import unguard
from bot.texts import say
from tests.bot.adapters.telegram.conftest import Town
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of
from tests.bot.damage import DAMAGES, PICKLE_TRACE
from tests.bot.records import audit
from tests.fakes.telegram import Chat, FakeTelegram, Message, User

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMANDS = ["/recargar", "/recargar otro", "/estado", "/pausar", "/reanudar"]
LONG = "muy-largo-" * 20


async def order(town: Town, text: str) -> str:
    """The bot's answer to the admin, in a new group with its full rate limit."""
    chat = town.server.group("Sala", town.admin)
    return unguard((await answer(town.server, town.admin, chat, text)).text)


async def serving(town: Town) -> str:
    """The name of the model in its report."""
    return (await order(town, "/modelo")).split()[1]


@pytest.mark.parametrize("command", COMMANDS)
async def test_admin_commands_refuse_other_users(
    server: FakeTelegram, ana: User, home: Chat, town: Town, command: str
) -> None:
    boss = server.user("Jefa")  # an admin of the group is no admin of the bot
    group = server.group("Tertulia", boss)
    for user, chat in ((ana, home), (boss, group)):
        assert (await answer(server, user, chat, command)).text == say("not_admin")
    assert await serving(town) == "tiny"


async def test_menus_differ_for_admins(town: Town, server: FakeTelegram, ana: User) -> None:
    await answer(server, town.admin, server.private(town.admin), "/start")
    home, group = server.private(town.admin), server.group("Tertulia", ana, town.admin)

    def listed(user: User, chat: Chat, language: str = "es") -> dict[str, str]:
        shown = server.commands_for(user, chat, language)
        return {each["command"]: each["description"] for each in shown}

    def admins() -> bool:
        return "recargar" in listed(town.admin, home, "en")

    await server.world.changes.until(admins, 5.0, "menu of the admin")
    assert set(listed(town.admin, home)) - set(listed(ana, server.private(ana))) == {
        "recargar",
        "estado",
        "pausar",
        "reanudar",
    }
    assert listed(town.admin, group) == listed(ana, group)
    assert listed(ana, group)["escribe"] == say("command_escribe")
    assert listed(ana, group, "en")["escribe"] == say("command_escribe", "en")
    assert server.profile.texts["description", ""] == say("about")
    assert server.profile.texts["short_description", "en"] == say("about_short", "en")


async def test_reload_changes_model_and_anterior_returns(town: Town) -> None:
    report = await order(town, "/recargar otro")
    assert report.startswith("Modelo cargado en ")
    assert "de tiny (" in report
    assert "a otro (" in report
    assert await serving(town) == "otro"
    assert "a tiny (" in await order(town, "/recargar anterior")
    assert await serving(town) == "tiny"
    done = audit(town.state)[-2:]
    assert [(entry.what, entry.details["result"]) for entry in done] == [("reload", "done")] * 2
    assert done[-1].who == f"telegram:{town.admin.id}"


async def test_reload_without_name_offers_buttons(town: Town) -> None:
    shutil.copytree(town.models / "otro", town.models / LONG)
    home = town.server.private(town.admin)
    try:
        offered = await answer(town.server, town.admin, home, "/recargar")
        assert offered.text == say("reload_choose", name="tiny")
        assert {"tiny", "otro", LONG[:60]} < set(offered.labels)
        stranger = town.server.user("Otra")
        press = await town.server.press(stranger, offered, "otro")
        assert (await press.answer()).text == say("not_admin")
        await (await town.server.press(town.admin, offered, LONG[:60])).answer()
        await town.server.settled(offered, lambda text: f"a {LONG}" in unguard(text))
        assert offered.labels == []
    finally:
        shutil.rmtree(town.models / LONG)
    again = await answer(
        town.server, town.admin, town.server.group("Sala", town.admin), "/recargar"
    )
    label = next(label for label in again.labels if label.startswith(say("reload_previous")))
    assert label == f"{say('reload_previous')}: tiny"
    await (await town.server.press(town.admin, again, label)).answer()
    await town.server.settled(again, lambda text: "a tiny (" in text)
    assert await serving(town) == "tiny"
    gone = await town.server.forge_press(town.admin, again, choice_id(LONG))
    assert (await gone.answer()).text == say("stale_button")


@pytest.mark.parametrize("name", ["nadie", "..", ".", "../models/otro", "/etc", "enlace", "~"])
async def test_reload_accepts_only_names_in_the_folder(town: Town, name: str) -> None:
    link = town.models / "enlace"
    if not link.is_symlink():
        link.symlink_to(town.state)
    report = await order(town, f"/recargar {name}")
    assert report.startswith("Sigo con tiny (")
    assert "No hay ningún modelo" in report
    assert await serving(town) == "tiny"


async def test_reload_rejects_absolute_paths(town: Town) -> None:
    report = await order(town, f"/recargar {town.models / 'otro'}")
    assert report.startswith("Sigo con tiny (")


@pytest.mark.parametrize(("damage", "named"), [DAMAGES[0], DAMAGES[5], DAMAGES[8]])
async def test_broken_model_keeps_old_model(
    town: Town, damage: Callable[[Path], None], named: str
) -> None:
    folder = town.models / "roto"
    shutil.copytree(town.models / "otro", folder)
    try:
        damage(folder)
        report = await order(town, "/recargar roto")
    finally:
        shutil.rmtree(folder)
    assert report.startswith("Sigo con tiny (")
    assert named in report
    assert not (town.models / PICKLE_TRACE).exists()
    assert await serving(town) == "tiny"


async def test_reload_under_load_loses_no_request(town: Town, server: FakeTelegram) -> None:
    people = [server.user(f"Persona {number}") for number in range(20)]

    async def ask(person: User) -> Message:
        return await answer(server, person, server.private(person), PHRASE)

    asked = [asyncio.create_task(ask(person)) for person in people]
    await asyncio.sleep(0.05)
    report = await order(town, "/recargar otro")
    written = await asyncio.gather(*asked)
    assert "a otro (" in report
    assert all(phrase_of(message) == PHRASE for message in written)
    await order(town, "/recargar tiny")


async def test_pause_refuses_requests_until_resume(
    town: Town, server: FakeTelegram, ana: User, home: Chat
) -> None:
    assert await order(town, "/pausar") == say("paused_done")
    try:
        assert (await answer(server, ana, home, PHRASE)).text == say("paused")
        assert (await order(town, "/estado")).startswith(say("state_paused"))
    finally:
        assert await order(town, "/reanudar") == say("resumed_done")
    assert phrase_of(await answer(server, ana, home, PHRASE)) == PHRASE


async def test_estado_reports_the_status(town: Town) -> None:
    status = await order(town, "/estado")
    assert status.startswith(say("state_serving"))
    assert f"telegram {say('connected')}" in status
