"""Cards of texts on the page."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.bot.adapters.web.sites import PHRASE, Visitor

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
        {"continuation": " palabra" * 1500},
        {"continuation": "x" * 12_000},
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
