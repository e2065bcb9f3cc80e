"""Two processes over one PostgreSQL: admission, claims, leases, news."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cluster.postgres import leases
from bot.cluster.postgres.claims import BUSY
from bot.cluster.postgres.coordinator import PostgresCoordinator
from bot.cluster.postgres.database import UnreachableError
from bot.requests.job import Job, Requester
from bot.requests.limits import Excess, Limits
from bot.settings.names import SettingsError
from bot.store import Store, open_store
from bot.store.journal import JOURNAL
from bot.store.migrations import STEPS
from model.text.prompt import Options
from tests.cluster.postgres import Postgres

LEASE, RENEW = 1.2, 0.2


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    """Leases of about a second."""
    postgres.empty()
    monkeypatch.setattr(leases, "LEASE_SECONDS", LEASE)
    monkeypatch.setattr(leases, "MARGIN_SECONDS", 0.1)
    monkeypatch.setattr("bot.cluster.postgres.coordinator.RENEW_SECONDS", RENEW)
    for module in ("coordinator", "database"):
        monkeypatch.setattr(f"bot.cluster.postgres.{module}.REST_SECONDS", 0.1)


def job(user: int = 7, **changes: Any) -> Job:
    asked = {"phrase": "En un lugar", "options": Options(seed=1), "origin": {"chat": -50}}
    requester = Requester("telegram", user, -50)
    return Job(**{**asked, "requester": requester, **changes})


async def opened(stack: contextlib.AsyncExitStack, server: Postgres, folder: Path) -> Store:
    return await stack.enter_async_context(open_store(folder, url=server.url))


def of(store: Store) -> PostgresCoordinator:
    """A store's coordinator."""
    assert isinstance(store.coordinator, PostgresCoordinator)
    return store.coordinator


@pytest.fixture
async def pair(postgres: Postgres, tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """The stores of two processes on two machines."""
    async with contextlib.AsyncExitStack() as stack:
        yield (
            await opened(stack, postgres, tmp_path / "one"),
            await opened(stack, postgres, tmp_path / "two"),
        )


async def until(happened: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (no event covers all conditions)
            await asyncio.sleep(0.02)


async def die(store: Store) -> None:
    """End like a killed process: no goodbye, and the system unlocks its files."""
    await of(store)._loops.cancel()
    of(store)._slot.release()


async def adopted(store: Store) -> list[Job]:
    """The orphans of other processes, once they can be claimed."""
    async with asyncio.timeout(20):
        while not (found := await store.coordinator.claim_orphans("telegram")):
            await store.coordinator.renewed()
    return [each for each, _ in found]


async def test_limits_count_all_processes(
    pair: tuple[Store, Store],
) -> None:
    limits = Limits(person_minute=5, person_day=60, place_minute=8, strikes=0, block_seconds=1)

    async def ask(number: int, user: int) -> Excess | None:
        asked = job(user, origin=None)
        rules = limits.rules(asked.requester.person, asked.requester.server)
        return await pair[number % 2].take(asked, rules)

    told = await asyncio.gather(*(ask(number, 7) for number in range(20)))
    assert told.count(None) == 5
    assert {each.kind for each in told if each} == {"person_minute"}
    assert all(0 < each.wait <= 60 for each in told if each)
    told = await asyncio.gather(*(ask(number, user) for user in (8, 9) for number in range(20)))
    assert told.count(None) == 3  # eight in this chat
    assert {each.kind for each in told if each} == {"place_minute"}


async def test_one_job_per_person_in_all_processes(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    first = job()
    told = await asyncio.gather(one.take(first), *(two.take(job()) for _ in range(5)))
    assert told.count(None) == 1
    assert told.count(BUSY) == 5
    if told[0] is None:
        one.note_sent(first)
        await one.finish(first)
        assert await two.take(job()) is None


async def test_sent_job_does_not_block_the_next(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    first = job()
    assert await one.take(first) is None
    one.note_sent(first)
    assert await two.take(job()) is None
    await one.finish(first)


async def test_event_is_claimed_by_one_process(
    pair: tuple[Store, Store],
) -> None:
    found = {str(number): {"n": number} for number in range(20)}
    took = await asyncio.gather(*(store.receive("telegram", found) for store in pair))
    assert sorted(took[0] + took[1], key=int) == list(found)
    claims = await asyncio.gather(*(store.coordinator.claim("discord", "5") for store in pair * 5))
    assert set(claims[0::2]) | set(claims[1::2]) == {True, False}
    assert len(set(claims[0::2])) == len(set(claims[1::2])) == 1


async def test_orphans_are_claimed_once(
    pair: tuple[Store, Store], postgres: Postgres, tmp_path: Path
) -> None:
    one, two = pair
    left = [job(user) for user in range(20)]
    await asyncio.gather(*(one.take(each) for each in left))
    await one.receive("telegram", {"1": {"a": 1}, "2": {"a": 2}})
    await one.handled("telegram", "1")
    async with contextlib.AsyncExitStack() as stack:
        three = await opened(stack, postgres, tmp_path / "three")
        await until(lambda: of(two)._membership.settled and of(three)._membership.settled)
        assert await two.coordinator.claim_orphans("telegram") == []
        await die(one)
        found: list[Job] = []
        async with asyncio.timeout(20):
            while len(found) < len(left):
                both = await asyncio.gather(
                    *(each.coordinator.claim_orphans("telegram") for each in (two, three))
                )
                found += [each for those in both for each, _ in those]
                await asyncio.sleep(0.05)
        assert sorted(each.reference for each in found) == sorted(each.reference for each in left)
        assert await two.coordinator.claim_orphans("discord") == []
        both = [await each.coordinator.claim_orphaned_events("telegram") for each in (two, three)]
        assert [(key, body) for those in both for key, body, _ in those] == [("2", {"a": 2})]


async def test_successor_inherits_identity_and_journal(postgres: Postgres, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path)
        beside = await opened(stack, postgres, tmp_path)
        assert one.coordinator.identity != beside.coordinator.identity
        left, sent = job(), job(8)
        await asyncio.gather(one.take(left), one.take(sent))
        one._journal.note_sent(sent.reference)  # killed before the deletion
        await die(one)
        heir = await opened(stack, postgres, tmp_path)
        assert heir.coordinator.identity == one.coordinator.identity
        assert [each.reference for each, _ in await heir.unfinished("telegram")] == [left.reference]


async def test_copied_files_give_no_identity(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.postgres.coordinator.IDENTITY_PAUSE_SECONDS", 0.01)
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path / "one")
        place = tmp_path / "two" / "process-1"
        place.mkdir(parents=True)
        (place / "id").write_text((tmp_path / "one" / "process-1" / "id").read_text())
        two = await opened(stack, postgres, tmp_path / "two")
        assert one.coordinator.identity != two.coordinator.identity
        await one.take(job())
        assert await two.unfinished("telegram") == []


async def test_journal_of_a_dead_neighbour_is_read(postgres: Postgres, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path)
        two = await opened(stack, postgres, tmp_path)
        left, sent = job(), job(8)
        await asyncio.gather(one.take(left), one.take(sent))
        one._journal.note_sent(sent.reference)
        await die(one)
        assert [each.reference for each in await adopted(two)] == [left.reference]
        assert postgres.ask("SELECT reference FROM jobs") == [[left.reference]]


async def test_lapsed_process_does_not_answer_claimed_jobs(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    taken, done = job(), job(8)
    await asyncio.gather(one.take(taken), one.take(done))
    assert await one.coordinator.owns(taken)
    await of(one)._loops.cancel()  # as if frozen
    await until(lambda: not of(one)._membership.valid)
    assert await one.coordinator.owns(taken)  # no other process has claimed it
    assert {each.reference for each in await adopted(two)} == {taken.reference, done.reference}
    two.note_sent(done)
    await two.finish(done)
    assert not await one.coordinator.owns(taken)
    assert not await one.coordinator.owns(done)
    assert await two.coordinator.owns(taken)
    await one.finish(taken)
    assert [each for each, _ in await two.unfinished("telegram")]


async def test_leadership_passes_on_death_and_resignation(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    first = one.coordinator.campaign("polling")
    await first.won()
    second = two.coordinator.campaign("polling")
    await second.lost()
    assert first.held
    assert not second.held
    assert one.coordinator.campaign("other").held is False
    await die(one)
    await second.won()
    assert not first.held
    two.coordinator.resign("polling")
    await two.coordinator.renewed()
    third = two.coordinator.campaign("polling")
    await third.won()


async def test_database_outage_orphans_nothing(
    pair: tuple[Store, Store], postgres: Postgres
) -> None:
    one, two = pair
    lead = one.coordinator.campaign("polling")
    await lead.won()
    other = two.coordinator.campaign("polling")
    taken = job()
    await one.take(taken)
    await two.remember("paused", False)
    postgres.stop()
    try:
        await until(lambda: one.failing and two.failing)
        await until(lambda: not lead.held)  # unknown, so not held
        assert await one.take(job(9)) is None
        assert await one.receive("telegram", {"1": {}}) == ["1"]
        assert await one.coordinator.claim("discord", "1")
        assert await one.coordinator.owns(taken)
        await two.remember("paused", True)
        one.note_sent(taken)
        await one.finish(taken)
    finally:
        postgres.start()
    await lead.won()
    await until(lambda: not (one.failing or two.failing))
    assert not other.held
    await until(lambda: of(two)._membership.settled)
    assert await two.coordinator.claim_orphans("telegram") == []
    assert postgres.ask("SELECT count(*) FROM jobs") == [["0"]]  # it was answered during the outage
    assert two.recall("paused") is True
    await until(lambda: one.recall("paused") is True)


async def test_server_restart_loses_no_jobs(pair: tuple[Store, Store], postgres: Postgres) -> None:
    one, _ = pair
    await asyncio.gather(*(one.take(job(user)) for user in range(20)))  # fill the pool
    postgres.stop()
    postgres.start()
    await asyncio.gather(*(one.take(job(user)) for user in range(20, 40)))
    assert postgres.ask("SELECT count(*) FROM jobs") == [["40"]]


async def test_news_and_values_reach_peers(pair: tuple[Store, Store]) -> None:
    one, two = pair
    heard: list[Any] = []
    changed: list[Any] = []
    for store in pair:
        store.coordinator.subscribe("counted", lambda *said: heard.append(said))
    two.coordinator.watch(lambda: changed.append(two.recall("checkpoint")))
    for number in range(2000):  # more than a notification holds
        one.coordinator.publish("counted", f"telegram:{number}", None)
    await until(lambda: len(heard) == 2000)
    assert heard[0] == ("telegram:0", None)
    await one.remember("checkpoint", {"name": "ñ"})
    await until(lambda: changed)
    assert changed == [{"name": "ñ"}]
    assert two.trouble is None


async def test_peer_can_cancel_and_erase(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    cancelled: list[str] = []
    one.coordinator.subscribe("cancel", cancelled.append)
    assert not await two.coordinator.cancel_elsewhere("telegram:7")
    await one.take(job())
    assert not await one.coordinator.cancel_elsewhere("telegram:7")
    assert await two.coordinator.cancel_elsewhere("telegram:7")
    await until(lambda: cancelled == ["telegram:7"])
    await two.erase(Requester("telegram", 7, None))
    await until(lambda: len(cancelled) == 2)
    assert await one.unfinished("telegram") == []
    assert await one.counted() == []


async def test_members_show_state_and_silence(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    one.coordinator.describe(lambda: {"name": "one"})
    await until(lambda: {"name": "one"} in [each.state for each in two.coordinator.members])
    await die(one)
    await until(
        lambda: [each.state for each in two.coordinator.members if each.silent] == [{"name": "one"}]
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda url, password: url.replace(password, "wrong"), SettingsError),
        (lambda url, _: url.replace("/postgres", "/nowhere"), SettingsError),
        (lambda url, _: url + "?sslmode=perhaps", SettingsError),
        (lambda url, _: url.partition("@")[0] + "@127.0.0.1:1/postgres", UnreachableError),
        (lambda url, _: url + "?sslmode=require", UnreachableError),
    ],
)
async def test_unusable_database_is_explained_without_password(
    postgres: Postgres,
    tmp_path: Path,
    change: Callable[[str, str], str],
    expected: type[Exception],
) -> None:
    with pytest.raises(expected, match="LITTERAGPT_DATABASE_URL") as told:
        async with open_store(tmp_path, url=change(postgres.url, postgres.password)):
            pass
    assert postgres.password not in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    async with open_store(tmp_path, url=postgres.url):  # its slot is free again
        assert (tmp_path / "process-1" / JOURNAL).parent.stat().st_mode & 0o077 == 0


async def test_newer_database_is_not_changed(postgres: Postgres, tmp_path: Path) -> None:
    async with open_store(tmp_path, url=postgres.url):
        pass
    postgres.ask(f"UPDATE version SET number = {len(STEPS) + 1}")  # noqa: S608
    with pytest.raises(SettingsError, match="versión posterior"):
        async with open_store(tmp_path, url=postgres.url):
            pass
    assert postgres.ask("SELECT number FROM version") == [[str(len(STEPS) + 1)]]


async def test_processes_start_together(postgres: Postgres, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stores = await asyncio.gather(
            *(opened(stack, postgres, tmp_path / str(number)) for number in range(4))
        )
        await until(lambda: all(len(store.coordinator.members) == 4 for store in stores))
