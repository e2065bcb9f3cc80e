"""Cards of texts on the page."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from bot.card import MOST_CHARACTERS
from bot.service.cards import MOST_WAITING
from bot.texts import say
from tests.bot.adapters.web.sites import PHRASE, Site, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


def card_asked(**changes: Any) -> dict[str, Any]:
    """The body of a request for a card."""
    return {
        "language": "es",
        "phrase": PHRASE,
        "continuation": ", de cuyo nombre no quiero acordarme.",
        "style": "cervantes",
        "seed": 14,
        "checkpoint": "c7d1aeb08b9d",
    } | changes


async def drawn(visitor: Visitor, **changes: Any) -> Image.Image:
    """The picture of a response."""
    async with visitor.post("/card", json=card_asked(**changes)) as response:
        assert response.status == 200
        assert response.content_type == "image/png"
        assert response.headers["Cache-Control"] == "no-store"
        return Image.open(io.BytesIO(await response.read()))


async def test_card_shows_its_text(ana: Visitor) -> None:
    first, second = await drawn(ana), await drawn(ana, continuation=", donde nací.")
    assert first.format == "PNG"
    assert first.width == 1200
    assert first.tobytes() != second.tobytes()
    assert first.tobytes() != (await drawn(ana, language="en")).tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"style": None},
        {"style": "<b>\u202e"},
        {"phrase": "", "continuation": ""},
        {"phrase": "\U0001f600\x00\u202e", "continuation": "漢字"},
        {"continuation": " palabra" * 740},
        {"continuation": "x" * 5_900},
        {"continuation": "i" * 5_900},
        {"seed": 2**63 - 1},
    ],
)
async def test_any_text_renders(ana: Visitor, changes: dict[str, Any]) -> None:
    assert (await drawn(ana, **changes)).height <= 2000


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": -1},
        {"seed": 2**63},
        {"checkpoint": "<script>"},
        {"phrase": "x" * 12_001},
        {"style": 5},
    ],
)
async def test_malformed_request_is_rejected(ana: Visitor, changes: dict[str, Any]) -> None:
    async with ana.post("/card", json=card_asked(**changes)) as response:
        assert response.status == 400


async def test_long_text_is_refused_with_a_notice(ana: Visitor) -> None:
    continuation = "x" * (MOST_CHARACTERS - len(PHRASE))
    assert (await drawn(ana, continuation=continuation)).height <= 2000
    body = card_asked(continuation=continuation + "x")
    async with ana.post("/card", json=body) as response:
        assert response.status == 429
        length = MOST_CHARACTERS + 1
        assert await response.text() == say("card_long", length=length, limit=MOST_CHARACTERS)


async def test_crowd_is_refused_instead_of_queued(site: Site) -> None:
    async def ask(visitor: Visitor) -> tuple[int, str]:
        async with visitor.post(
            "/card", json=card_asked(continuation=" palabra" * 700)
        ) as response:
            return response.status, await response.text() if response.status == 429 else ""

    results = await asyncio.gather(*(ask(site.visitor()) for _ in range(40)))
    rendered = sum(status == 200 for status, _ in results)
    assert MOST_WAITING < rendered < 40
    assert {text for status, text in results if status == 429} == {say("cards_full")}
    assert await ask(site.visitor()) == (200, "")
