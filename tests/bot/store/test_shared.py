"""Two processes' stores over one PostgreSQL: what is claimed, by whom, and who takes it over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cluster.postgres import leases
from bot.cluster.postgres.claims import BUSY
from bot.cluster.postgres.database import UnreachableError
from bot.cluster.postgres.identity import JOURNAL
from bot.cluster.postgres.store import SharedStore
from bot.requests.job import Job, Requester
from bot.requests.limits import Excess, Limits
from bot.settings.names import SettingsError
from bot.store import open_store
from bot.store.migrations import STEPS
from model.text.prompt import Options
from tests.cluster.postgres import Postgres

LEASE, BEAT = 1.2, 0.2


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    """Nobody waits for twelve seconds."""
    postgres.empty()
    monkeypatch.setattr(leases, "LEASE_SECONDS", LEASE)
    monkeypatch.setattr(leases, "MARGIN_SECONDS", 0.1)
    monkeypatch.setattr("bot.cluster.postgres.store.BEAT_SECONDS", BEAT)
    monkeypatch.setattr("bot.cluster.postgres.store.REST_SECONDS", 0.1)


def job(user: int = 7, **changes: Any) -> Job:
    asked = {"phrase": "En un lugar", "options": Options(seed=1), "origin": {"chat": -50}}
    requester = Requester("telegram", user, -50)
    return Job(**{**asked, "requester": requester, **changes})


async def opened(stack: contextlib.AsyncExitStack, server: Postgres, folder: Path) -> SharedStore:
    store = await stack.enter_async_context(open_store(folder, url=server.url))
    assert isinstance(store, SharedStore)
    return store


@pytest.fixture
async def pair(
    postgres: Postgres, tmp_path: Path
) -> AsyncIterator[tuple[SharedStore, SharedStore]]:
    """Two processes on two machines."""
    async with contextlib.AsyncExitStack() as stack:
        yield (
            await opened(stack, postgres, tmp_path / "one"),
            await opened(stack, postgres, tmp_path / "two"),
        )


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (it has many causes)
            await asyncio.sleep(0.02)


async def die(store: SharedStore) -> None:
    """End as a process does that is killed: without a word, and the system unlocks its files."""
    for loop in store._loops:
        loop.cancel()
    await asyncio.gather(*store._loops, return_exceptions=True)
    store._slot.release()


async def adopted(store: SharedStore) -> list[Job]:
    """What is left of others, once it can be had."""
    async with asyncio.timeout(20):
        while not (found := await store.orphans("telegram")):
            await store.beat()
    return [each for each, _ in found]


async def test_a_limit_is_one_limit_wherever_people_ask(
    pair: tuple[SharedStore, SharedStore],
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


async def test_one_request_a_person_whichever_process_is_asked(
    pair: tuple[SharedStore, SharedStore],
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


async def test_an_answered_request_is_out_of_the_way_before_it_is_finished(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    one, two = pair
    first = job()
    assert await one.take(first) is None
    one.note_sent(first)
    assert await two.take(job()) is None
    await one.finish(first)


async def test_an_event_is_handled_by_whoever_has_it_first(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    found = {str(number): {"n": number} for number in range(20)}
    took = await asyncio.gather(*(store.receive("telegram", found) for store in pair))
    assert sorted(took[0] + took[1], key=int) == list(found)
    claims = await asyncio.gather(*(store.claim("discord", "5") for store in pair * 5))
    assert set(claims[0::2]) | set(claims[1::2]) == {True, False}
    assert len(set(claims[0::2])) == len(set(claims[1::2])) == 1


async def test_what_a_process_leaves_behind_is_gone_on_with_by_one_other(
    pair: tuple[SharedStore, SharedStore], postgres: Postgres, tmp_path: Path
) -> None:
    one, two = pair
    left = [job(user) for user in range(20)]
    await asyncio.gather(*(one.take(each) for each in left))
    await one.receive("telegram", {"1": {"a": 1}, "2": {"a": 2}})
    await one.handled("telegram", "1")
    async with contextlib.AsyncExitStack() as stack:
        three = await opened(stack, postgres, tmp_path / "three")
        await until(lambda: two._membership.settled and three._membership.settled)
        assert await two.orphans("telegram") == []
        await die(one)
        found: list[Job] = []
        async with asyncio.timeout(20):
            while len(found) < len(left):
                both = await asyncio.gather(*(each.orphans("telegram") for each in (two, three)))
                found += [each for those in both for each, _ in those]
                await asyncio.sleep(0.05)
        assert sorted(each.reference for each in found) == sorted(each.reference for each in left)
        assert await two.orphans("discord") == []
        both = [await each.orphaned_events("telegram") for each in (two, three)]
        assert [(key, body) for those in both for key, body, _ in those] == [("2", {"a": 2})]


async def test_a_process_that_comes_back_to_its_place_goes_on_at_once(
    postgres: Postgres, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path)
        beside = await opened(stack, postgres, tmp_path)
        assert one.identity != beside.identity
        left, sent = job(), job(8)
        await asyncio.gather(one.take(left), one.take(sent))
        one._journal.note_sent(sent.reference)  # and killed before the database knew
        await die(one)
        heir = await opened(stack, postgres, tmp_path)
        assert heir.identity == one.identity
        assert [each.reference for each, _ in await heir.unfinished("telegram")] == [left.reference]


async def test_files_that_were_copied_to_another_machine_are_not_its_identity(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.postgres.store.IDENTITY_PAUSE_SECONDS", 0.01)
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path / "one")
        place = tmp_path / "two" / "process-1"
        place.mkdir(parents=True)
        (place / "id").write_text((tmp_path / "one" / "process-1" / "id").read_text())
        two = await opened(stack, postgres, tmp_path / "two")
        assert one.identity != two.identity
        await one.take(job())
        assert await two.unfinished("telegram") == []


async def test_on_one_machine_the_journal_of_the_dead_is_read(
    postgres: Postgres, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one = await opened(stack, postgres, tmp_path)
        two = await opened(stack, postgres, tmp_path)
        left, sent = job(), job(8)
        await asyncio.gather(one.take(left), one.take(sent))
        one._journal.note_sent(sent.reference)
        await die(one)
        assert [each.reference for each in await adopted(two)] == [left.reference]
        assert postgres.ask("SELECT reference FROM jobs") == [[left.reference]]


async def test_whoever_was_taken_for_gone_does_not_answer_what_another_has_taken_over(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    one, two = pair
    taken, done = job(), job(8)
    await asyncio.gather(one.take(taken), one.take(done))
    assert await one.owns(taken)
    for loop in one._loops:  # as if it stood still
        loop.cancel()
    await until(lambda: not one._membership.valid)
    assert await one.owns(taken)  # nobody else has it
    assert {each.reference for each in await adopted(two)} == {taken.reference, done.reference}
    two.note_sent(done)
    await two.finish(done)
    assert not await one.owns(taken)
    assert not await one.owns(done)
    assert await two.owns(taken)
    await one.finish(taken)
    assert [each for each, _ in await two.unfinished("telegram")]


async def test_of_several_one_leads_and_the_next_when_it_has_ended(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    one, two = pair
    first = one.want("polling")
    await first.won()
    second = two.want("polling")
    await second.lost()
    assert first.held
    assert not second.held
    assert one.want("other").held is False
    await die(one)
    await second.won()
    assert not first.held
    two.give_back("polling")
    await two.beat()
    third = two.want("polling")
    await third.won()


async def test_a_database_that_was_away_is_nobodys_death(
    pair: tuple[SharedStore, SharedStore], postgres: Postgres
) -> None:
    one, two = pair
    lead = one.want("polling")
    await lead.won()
    other = two.want("polling")
    taken = job()
    await one.take(taken)
    await two.remember("paused", False)
    postgres.stop()
    try:
        await until(lambda: one.failing and two.failing)
        await until(lambda: not lead.held)  # nobody knows, so nobody may think so
        assert await one.take(job(9)) is None
        assert await one.receive("telegram", {"1": {}}) == ["1"]
        assert await one.claim("discord", "1")
        assert await one.owns(taken)
        await two.remember("paused", True)
        one.note_sent(taken)
        await one.finish(taken)
    finally:
        postgres.start()
    await lead.won()
    await until(lambda: not (one.failing or two.failing))
    assert not other.held
    await until(lambda: two._membership.settled)
    assert await two.orphans("telegram") == []
    assert postgres.ask("SELECT count(*) FROM jobs") == [["0"]]  # it was answered meanwhile
    assert two.recall("paused") is True
    await until(lambda: one.recall("paused") is True)


async def test_a_restart_of_the_server_loses_nothing_that_comes_after_it(
    pair: tuple[SharedStore, SharedStore], postgres: Postgres
) -> None:
    one, _ = pair
    await asyncio.gather(*(one.take(job(user)) for user in range(20)))  # connections to lose
    postgres.stop()
    postgres.start()
    await asyncio.gather(*(one.take(job(user)) for user in range(20, 40)))
    assert postgres.ask("SELECT count(*) FROM jobs") == [["40"]]


async def test_news_and_values_reach_the_others(pair: tuple[SharedStore, SharedStore]) -> None:
    one, two = pair
    heard: list[Any] = []
    changed: list[Any] = []
    for store in pair:
        store.subscribe("counted", lambda *said: heard.append(said))
    two.watch(lambda: changed.append(two.recall("checkpoint")))
    for number in range(2000):  # more than one notification holds
        one.publish("counted", f"telegram:{number}", None)
    await until(lambda: len(heard) == 2000)
    assert heard[0] == ("telegram:0", None)
    await one.remember("checkpoint", {"name": "ñ"})
    await until(lambda: changed)
    assert changed == [{"name": "ñ"}]
    assert two.trouble is None


async def test_a_request_can_be_cancelled_and_forgotten_from_elsewhere(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    one, two = pair
    cancelled: list[str] = []
    one.subscribe("cancel", cancelled.append)
    assert not await two.cancel_elsewhere("telegram:7")
    await one.take(job())
    assert not await one.cancel_elsewhere("telegram:7")
    assert await two.cancel_elsewhere("telegram:7")
    await until(lambda: cancelled == ["telegram:7"])
    await two.erase(Requester("telegram", 7, None))
    await until(lambda: len(cancelled) == 2)
    assert await one.unfinished("telegram") == []
    assert await one.counted() == []


async def test_everybody_sees_who_is_there_and_who_is_gone(
    pair: tuple[SharedStore, SharedStore],
) -> None:
    one, two = pair
    one.describe(lambda: {"name": "one"})
    await until(lambda: {"name": "one"} in [each.state for each in two.members])
    await die(one)
    await until(lambda: [each.state for each in two.members if each.silent] == [{"name": "one"}])


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
async def test_a_database_that_cannot_be_begun_with_is_told_in_a_sentence_without_its_password(
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
    async with open_store(tmp_path, url=postgres.url):  # its place is free again
        assert (tmp_path / "process-1" / JOURNAL).parent.stat().st_mode & 0o077 == 0


async def test_a_database_of_a_later_version_is_left_alone(
    postgres: Postgres, tmp_path: Path
) -> None:
    async with open_store(tmp_path, url=postgres.url):
        pass
    postgres.ask(f"UPDATE version SET number = {len(STEPS) + 1}")  # noqa: S608
    with pytest.raises(SettingsError, match="versión posterior"):
        async with open_store(tmp_path, url=postgres.url):
            pass
    assert postgres.ask("SELECT number FROM version") == [[str(len(STEPS) + 1)]]


async def test_processes_may_begin_together(postgres: Postgres, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stores = await asyncio.gather(
            *(opened(stack, postgres, tmp_path / str(number)) for number in range(4))
        )
        await until(lambda: all(len(store.members) == 4 for store in stores))
