"""Several processes over one PostgreSQL: each request is answered once, even after a kill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from bot.texts import say
from tests.bot.adapters.telegram.test_webhook import free_port
from tests.chaos.fire import Reckoning, asking, settle
from tests.cluster.postgres import MISSING, Postgres, programs, serving
from tests.cluster.postgres_bots import PATIENCE_SECONDS, PHRASE, Process, Town
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """The server of all tests."""
    if programs() is None:
        pytest.skip(MISSING)
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro` of different texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny", seed=0)
    save_tiny(folder / "otro", seed=1)
    return folder


@pytest.fixture
async def town(postgres: Postgres, checkpoints: Path, tmp_path: Path) -> AsyncIterator[Town]:
    """Both platforms and an empty database; the test starts processes."""
    postgres.empty()
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        town = Town(discord, telegram, postgres, checkpoints, tmp_path)
        yield town
        await town.close()


async def until(happened: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not happened():  # noqa: ASYNC110 (no event covers all processes)
            await asyncio.sleep(0.05)


async def roles(first: Process, second: Process) -> tuple[Process, Process]:
    """The process that polls Telegram, and the one that stands by."""
    status, parts = await first.ready()
    assert status == 200
    other_status, others = await second.ready()
    assert other_status == 200
    assert {parts["telegram"], others["telegram"]} == {"ok", "standby"}
    return (first, second) if parts["telegram"] == "ok" else (second, first)


async def test_peer_takes_over_polling_and_jobs_after_kill(town: Town) -> None:
    leader, other = await roles(await town.start("telegram"), await town.start("telegram"))
    first = await town.answer(await town.ask())
    assert PHRASE in first.text
    await until(lambda: town.under_way == 0)
    town.telegram.faults.stall("sendMessage")
    waiting = await town.ask()
    await until(lambda: town.under_way == 1)
    await leader.kill()
    town.telegram.faults.clear()
    unseen = await town.ask()  # while no process polls
    assert PHRASE in (await town.answer(unseen)).text
    await town.telegram.world.changes.until(
        lambda: any(PHRASE in each.text for each in town.telegram.replies_to(waiting)),
        PATIENCE_SECONDS,
        "the answer to a killed process's request",
    )
    assert await town.until(other, "telegram", "ok")
    assert len(town.telegram.replies_to(waiting)) == len(town.telegram.replies_to(unseen)) == 1
    assert "goes on after the end of another process" in other.bot.log
    await until(lambda: town.under_way == 0)
    assert town.telegram.violations == []


async def test_stopped_process_hands_over_at_once(town: Town) -> None:
    leader, other = await roles(await town.start("telegram"), await town.start("telegram"))
    leader.bot.terminate()
    assert await leader.bot.ended() == 0
    assert await asyncio.wait_for(town.until(other, "telegram", "ok"), 8)  # before a lease expires
    assert PHRASE in (await town.answer(await town.ask())).text
    names = town.postgres.ask("SELECT state ->> 'name' FROM processes")
    assert names == [[names[0][0]]]
    assert names[0][0].endswith(f":{other.bot.process.pid}")


async def test_discord_is_answered_once_by_two_processes(
    town: Town,
) -> None:
    first, second = await town.start("discord"), await town.start("discord")
    people = [town.discord.user(f"D{number}", installed=True) for number in range(6)]
    asked = [await town.asked_on_discord(user) for user in people]
    for interaction in asked:
        await interaction.final(PATIENCE_SECONDS)
    shares = [
        sum(f"from discord:{user.id}" in process.bot.log for user in people)
        for process in (first, second)
    ]
    assert sum(shares) == len(people)
    # Either process is killed: the request is answered.
    town.discord.faults.status("PATCH", "*", 503, times=10**6)
    left = [await town.asked_on_discord(user) for user in people]
    for interaction in left:
        await interaction.acknowledged()
    await first.kill()
    town.discord.faults.clear()
    for interaction in left:
        await interaction.final(PATIENCE_SECONDS)
        assert not interaction.followups


async def test_limits_hold_across_processes(town: Town) -> None:
    limit = 3
    for _ in range(2):
        await town.start("discord", person_per_minute=limit, strikes=100)
    ana, eva = (town.discord.user(name, installed=True) for name in ("Ana", "Eva"))
    told = []
    for _ in range(3 * limit):
        interaction = await town.asked_on_discord(ana)
        told.append(await interaction.final(PATIENCE_SECONDS))
    answered = [each for each in told if each.buttons]
    assert len(answered) == limit
    together = [await town.asked_on_discord(eva) for _ in range(10)]
    told = [await each.final(PATIENCE_SECONDS) for each in together]
    assert 1 <= sum(bool(each.buttons) for each in told) <= limit
    (counted,) = town.postgres.ask(
        f"SELECT count(*) FROM requests WHERE person = 'discord:{eva.id}'"  # noqa: S608
    )
    assert int(counted[0]) == sum(bool(each.buttons) for each in told)


async def test_admin_orders_reach_all_processes(town: Town) -> None:
    admin = town.telegram_person("Admina")
    settings = {"TELEGRAM_ADMIN_IDS": admin[0].id}
    first = await town.start("telegram", "discord", **settings)
    second = await town.start("discord", **settings)
    ana = town.discord.user("Ana", installed=True)

    async def order(text: str) -> str:
        return (await town.answer(await town.ask(text, admin))).text

    names = [f":{process.bot.process.pid}: discord conectado" for process in (first, second)]
    report = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(name in report for name in names):
            report = await order("/estado")
            assert "Proceso " in report
    assert await order("/pausar") == say("paused_done")
    await second.bot.logged("paused by another process")
    third = await town.start("discord", **settings)  # starts later and is paused too
    for _ in range(6):
        interaction = await town.asked_on_discord(ana)
        assert (await interaction.final(PATIENCE_SECONDS)).content == say("paused")
    assert await order("/reanudar") == say("resumed_done")
    for process in (second, third):
        await process.bot.logged("resumed by another process")
    told = await order("/recargar otro")
    assert told.startswith("Modelo cargado")
    for process in (second, third):
        assert f":{process.bot.process.pid}: escribe con otro (" in told
    (town.checkpoints / "otro").rename(town.checkpoints / "elsewhere")
    try:
        assert "Sigo con otro" in await order("/recargar nada")
        assert "a tiny (" in await order("/recargar anterior")
    finally:
        (town.checkpoints / "elsewhere").rename(town.checkpoints / "otro")


async def test_database_restart_under_load_loses_nothing(town: Town) -> None:
    await town.start("telegram", "discord")
    await town.start("telegram", "discord")
    reckoning = Reckoning()
    async with asking(town.discord, town.telegram, reckoning):
        for away in (0.0, 2.0, 16.0):  # the last is longer than a lease
            await asyncio.sleep(2)
            town.postgres.stop()
            before = len(reckoning.telegram.answered)
            await asyncio.sleep(away)
            assert not away or len(reckoning.telegram.answered) > before
            town.postgres.start()
        await asyncio.sleep(4)
    await settle(reckoning)
    told = "\n".join(reckoning.lines())
    assert not reckoning.telegram.lost, told
    assert not reckoning.telegram.duplicated, told
    assert not reckoning.discord.lost, told
    assert not reckoning.discord.duplicated, told
    assert len(reckoning.discord.accepted) > 20, told
    assert town.telegram.violations == []
    for process in town.processes:
        await process.bot.logged("the store works again")
    await until(lambda: town.under_way == 0)
    await until(lambda: town.unhandled == 0)


async def test_frozen_database_stops_no_process(town: Town) -> None:
    (process,) = [await town.start("telegram", "discord")]
    people = [town.discord.user(f"D{number}", installed=True) for number in range(20)]
    town.postgres.freeze()
    try:
        asked = [await town.ask() for _ in range(20)]
        interactions = [await town.asked_on_discord(user) for user in people]
        for interaction in interactions:
            await interaction.final(PATIENCE_SECONDS)
        for message in asked:
            assert PHRASE in (await town.answer(message)).text
    finally:
        town.postgres.freeze(False)
    await process.bot.logged("the store works again", PATIENCE_SECONDS)
    assert PHRASE in (await town.answer(await town.ask())).text
    await until(lambda: town.under_way == 0)


async def test_repeated_webhook_delivery_is_handled_once(
    town: Town,
) -> None:
    address = "https://bot.example.org"
    secret = "clave-de-prueba_0123456789"  # noqa: S105
    ports = [free_port(), free_port()]
    for port in ports:
        await town.start(
            "telegram",
            TELEGRAM_WEBHOOK_URL=f"{address}/aqui",
            TELEGRAM_WEBHOOK_SECRET=secret,
            TELEGRAM_WEBHOOK_PORT=port,
        )
    deliveries = town.telegram.delivery.deliveries
    deliveries.retry_seconds, deliveries.lost_answers = 1.0, 1
    deliveries.routes[address] = f"http://127.0.0.1:{ports[0]}"
    asked = await town.ask()
    await until(lambda: len(deliveries.log) == 1)  # its response was lost, so Telegram repeats it
    deliveries.routes[address] = f"http://127.0.0.1:{ports[1]}"
    await until(lambda: len(deliveries.log) == 2)
    assert PHRASE in (await town.answer(asked)).text
    later = await town.ask()
    assert PHRASE in (await town.answer(later)).text
    await until(lambda: town.under_way == 0)
    assert len(town.telegram.replies_to(asked)) == 1
    for process in town.processes:
        await process.bot.logged(" answered in ")
        assert process.bot.log.count(" from telegram:") == 1
