"""How much a visitor may ask, and who counts as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.texts import say
from tests.bot.adapters.web.sites import Site, Visitor, serving
from tests.bot.adapters.web.test_cards import card_asked

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

LIMIT = 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(
    markup_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site that takes two requests a minute from each visitor."""
    folder = tmp_path_factory.mktemp("narrow")
    settings = {"person_per_minute": LIMIT, "strikes": 4}
    async with serving(folder, markup_checkpoints, **settings) as site:
        yield site
        site.check()


async def exhaust(visitor: Visitor) -> None:
    for _ in range(LIMIT):
        assert await visitor.notice(sentences=1) is None


def excess() -> str:
    """The beginning of what is told to whoever has asked too much."""
    return say("person_minute", limit=LIMIT, wait="").partition(";")[0]


async def test_a_limit_is_told_and_is_each_visitors_own(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    assert (await ana.notice() or "").startswith(excess())
    assert await narrow.visitor().notice(sentences=1) is None


async def test_who_insists_is_told_that_too(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    told = [await ana.notice() or "" for _ in range(6)]
    assert told[-1].startswith(say("flooding", wait="").partition(" durante")[0])


async def test_a_household_is_one_visitor_however_many_addresses_it_has(narrow: Site) -> None:
    await exhaust(narrow.visitor("2001:db8:1:2::1"))
    assert await narrow.visitor("2001:db8:1:2:3:4:5:6").notice(sentences=1) is not None
    assert await narrow.visitor("2001:db8:1:3::1").notice(sentences=1) is None


async def test_an_address_is_the_same_in_both_of_its_spellings(narrow: Site) -> None:
    await exhaust(narrow.visitor("203.0.113.5"))
    assert await narrow.visitor("::ffff:203.0.113.5").notice(sentences=1) is not None


@pytest.mark.parametrize(
    ("address", "again"),
    [("203.0.113.9:4711", "203.0.113.9:4712"), ("[2001:db8:9::1]:80", "2001:db8:9::1")],
)
async def test_a_port_behind_an_address_is_no_part_of_it(
    narrow: Site, address: str, again: str
) -> None:
    await exhaust(narrow.visitor(address))
    assert await narrow.visitor(again).notice(sentences=1) is not None


async def test_an_address_of_any_bytes_is_a_visitor_too(narrow: Site) -> None:
    await narrow.visitor("\udcff").ask_and_leave()
    assert await narrow.visitor().notice(sentences=1) is None
    assert "Traceback" not in narrow.log


async def test_only_what_the_proxy_itself_has_written_counts(narrow: Site) -> None:
    await exhaust(narrow.visitor("203.0.113.6"))
    assert await narrow.visitor("203.0.113.7, 203.0.113.6").notice(sentences=1) is not None
    assert await narrow.visitor("203.0.113.6, 203.0.113.8").notice(sentences=1) is None


@pytest.mark.parametrize("address", ["unknown", "ñ" * 500, "::1%eth0", "[::2"])
async def test_what_is_no_address_is_a_visitor_all_the_same(narrow: Site, address: str) -> None:
    await exhaust(narrow.visitor(address))
    assert (await narrow.visitor(address).notice() or "").startswith(excess())


async def test_cards_are_counted_apart(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    for allowed in (True, True, False):
        async with ana.post("/card", json=card_asked()) as response:
            assert response.status == (200 if allowed else 429)
            if not allowed:
                told = await response.text()
    assert told.startswith(say("card_minute", limit=LIMIT, wait="").partition(";")[0])


async def test_without_a_trusted_header_nobody_can_pretend_to_be_another(
    markup_checkpoints: Path, tmp_path: Path
) -> None:
    settings = {"person_per_minute": LIMIT, "web_address_header": ""}
    async with serving(tmp_path, markup_checkpoints, **settings) as site:
        await exhaust(site.visitor("203.0.113.1"))
        assert (await site.visitor("203.0.113.2").notice() or "").startswith(excess())
