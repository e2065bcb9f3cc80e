"""A text as a picture, for whoever has it on the page."""

from __future__ import annotations

from aiohttp import web

from bot.adapters.web.requests import CardAsked, read
from bot.adapters.web.visitors import Visitors
from bot.card import Card, drawn
from bot.context import Core


class Cards:
    """Answers requests for a picture."""

    def __init__(self, core: Core, visitors: Visitors) -> None:
        self._core, self._visitors = core, visitors

    async def draw(self, request: web.Request) -> web.Response:
        """Draw a text; one sentence with status 429 where that is too much."""
        asked = await read(request, CardAsked)
        requester = self._visitors.requester(request, asked.language)
        if (notice := self._core.service.admission.refuse_card(requester)) is not None:
            return web.Response(status=429, text=notice)
        card = Card(asked.phrase, asked.continuation, asked.style, asked.seed, asked.checkpoint)
        if (picture := await drawn(card, asked.language)) is None:
            raise web.HTTPInternalServerError
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=picture, content_type="image/png", headers=headers)
