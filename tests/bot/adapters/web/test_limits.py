"""Limits of visitors, and their identification."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.texts import say
from tests.bot.adapters.web.sites import Site, Visitor, lines_of, serving, text_asked
from tests.bot.adapters.web.test_cards import card_asked

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

LIMIT = 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(
    markup_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site that accepts two requests a minute from each visitor."""
    folder = tmp_path_factory.mktemp("narrow")
    settings = {"person_per_minute": LIMIT, "strikes": 4}
    async with serving(folder, markup_checkpoints, **settings) as site:
        yield site
        site.check()


async def exhaust(visitor: Visitor) -> None:
    for _ in range(LIMIT):
        assert await visitor.notice(sentences=1) is None


def excess() -> str:
    """The beginning of the notice over the limit."""
    return say("person_minute", limit=LIMIT, wait="").partition(";")[0]


async def test_limit_applies_to_each_visitor(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    assert (await ana.notice() or "").startswith(excess())
    assert await narrow.visitor().notice(sentences=1) is None


async def test_flooding_visitor_gets_a_notice(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    told = [await ana.notice() or "" for _ in range(6)]
    assert told[-1].startswith(say("flooding", wait="").partition(" dentro")[0])


async def test_ipv6_prefix_is_one_visitor(narrow: Site) -> None:
    await exhaust(narrow.visitor("2001:db8:1:2::1"))
    assert await narrow.visitor("2001:db8:1:2:3:4:5:6").notice(sentences=1) is not None
    assert await narrow.visitor("2001:db8:1:3::1").notice(sentences=1) is None


async def test_mapped_ipv4_is_the_same_visitor(narrow: Site) -> None:
    await exhaust(narrow.visitor("203.0.113.5"))
    assert await narrow.visitor("::ffff:203.0.113.5").notice(sentences=1) is not None


@pytest.mark.parametrize(
    ("address", "again"),
    [("203.0.113.9:4711", "203.0.113.9:4712"), ("[2001:db8:9::1]:80", "2001:db8:9::1")],
)
async def test_port_is_ignored_in_address(narrow: Site, address: str, again: str) -> None:
    await exhaust(narrow.visitor(address))
    assert await narrow.visitor(again).notice(sentences=1) is not None


async def test_address_may_have_any_bytes(narrow: Site) -> None:
    await narrow.visitor("\udcff").ask_and_leave()
    assert await narrow.visitor().notice(sentences=1) is None
    assert "Traceback" not in narrow.log


async def test_only_the_proxys_entry_counts(narrow: Site) -> None:
    await exhaust(narrow.visitor("203.0.113.6"))
    assert await narrow.visitor("203.0.113.7, 203.0.113.6").notice(sentences=1) is not None
    assert await narrow.visitor("203.0.113.6, 203.0.113.8").notice(sentences=1) is None


@pytest.mark.parametrize("address", ["unknown", "ñ" * 500, "::1%eth0", "[::2"])
async def test_malformed_address_is_a_visitor(narrow: Site, address: str) -> None:
    await exhaust(narrow.visitor(address))
    assert (await narrow.visitor(address).notice() or "").startswith(excess())


async def test_cards_are_counted_separately(narrow: Site) -> None:
    ana = narrow.visitor()
    await exhaust(ana)
    for allowed in (True, True, False):
        async with ana.post("/card", json=card_asked()) as response:
            assert response.status == (200 if allowed else 429)
            if not allowed:
                told = await response.text()
    assert told.startswith(say("card_minute", limit=LIMIT, wait="").partition(";")[0])


async def test_own_machine_has_no_limits(markup_checkpoints: Path, tmp_path: Path) -> None:
    settings = {"person_per_minute": LIMIT, "strikes": 2, "web_address_header": ""}
    async with serving(tmp_path, markup_checkpoints, **settings) as site:
        assert site.session is not None
        for _ in range(3 * LIMIT):
            async with site.session.post(f"{site.base}/write", json=text_asked()) as response:
                assert [line async for line in lines_of(response)][-1]["is"] == "done"
            async with site.session.post(f"{site.base}/card", json=card_asked()) as response:
                assert response.status == 200


@pytest.mark.parametrize("names", ["", "ejemplo.es"])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_proxy_on_the_own_machine_keeps_limits(
    markup_checkpoints: Path, tmp_path: Path, names: str, header: str
) -> None:
    settings = {"person_per_minute": LIMIT, "web_address_header": "", "web_names": names}
    headers = {} if names else {header: "203.0.113.1"}
    async with serving(tmp_path, markup_checkpoints, **settings) as site:
        assert site.session is not None
        ends = []
        for _ in range(LIMIT + 1):
            url, body = f"{site.base}/write", text_asked(sentences=1)
            async with site.session.post(url, json=body, headers=headers) as response:
                ends.append([line async for line in lines_of(response)][-1]["is"])
        assert ends == ["done"] * LIMIT + ["failed"]


async def test_header_is_ignored_unless_configured(
    markup_checkpoints: Path, tmp_path: Path
) -> None:
    settings = {"person_per_minute": LIMIT, "web_address_header": ""}
    async with serving(tmp_path, markup_checkpoints, **settings) as site:
        await exhaust(site.visitor("203.0.113.1"))
        assert (await site.visitor("203.0.113.2").notice() or "").startswith(excess())
