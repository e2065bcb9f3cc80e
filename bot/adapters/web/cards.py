"""Rendering of a text on the page as a card."""

from __future__ import annotations

from aiohttp import web

from bot.adapters.web.requests import CardAsked, read
from bot.adapters.web.visitors import Visitors
from bot.card import Card
from bot.service.service import Service


class Cards:
    """Handles requests for a card."""

    def __init__(self, service: Service, visitors: Visitors) -> None:
        self._service, self._visitors = service, visitors

    async def draw(self, request: web.Request) -> web.Response:
        """Respond with a PNG file, or with status 429 and a notice."""
        asked = await read(request, CardAsked)
        requester = self._visitors.requester(request, asked.language)
        card = Card(asked.phrase, asked.continuation, asked.style, asked.seed, asked.checkpoint)
        if (notice := self._service.admission.refuse_card(requester, card)) is not None:
            return web.Response(status=429, text=notice)
        if (picture := await self._service.cards.render(card, requester)) is None:
            raise web.HTTPInternalServerError
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=picture, content_type="image/png", headers=headers)
