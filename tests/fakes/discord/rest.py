"""The REST API v10: authorization, faults and responses.

https://docs.discord.com/developers/reference"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.discord.faults import Fault, limit_body
from tests.fakes.discord.routes import Asked, Routes
from tests.fakes.discord.strictness import Refusal, unauthorized
from tests.fakes.discord.uploads import body_of

if TYPE_CHECKING:
    from tests.fakes.discord.server import FakeDiscord

BASE = "/api/v10"
_LIMIT = 50
# Routes that need no authorization, because their path contains a token or they are public.
_OPEN = ("/interactions/", "/webhooks/", "/gateway")
# aiohttp's json_response adds a charset, which Discord does not send and discord.py does not
# accept.
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Call:
    """A received request, refused or not; `moment` is monotonic."""

    moment: float
    method: str
    path: str
    body: Any


class Rest:
    """Serves the REST API from the state of the fake."""

    def __init__(self, discord: FakeDiscord) -> None:
        self.calls: list[Call] = []
        self._discord = discord
        self._routes = Routes(discord)

    def add_to(self, application: web.Application) -> None:
        """Route all paths of the API."""
        application.router.add_route("*", BASE + "/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(BASE)
        try:
            body = await body_of(request)
        except Refusal as refusal:
            return self._refuse(refusal, request)
        self.calls.append(Call(time.monotonic(), request.method, path, body))
        self._discord.changes.happened()
        faults = self._discord.faults
        if early := faults.impatience(request.method, path):
            self._offence(request, f"{early:.2f} s before the end of a rate limit")
        striking = faults.strike(request.method, path)
        await asyncio.sleep(sum(f.wait for f in striking if not f.after_effect))
        blow = next((f for f in striking if f.reset or f.status is not None), None)
        if blow is not None and not blow.after_effect:
            return await self._strike(blow, request, path)
        answer = self._answer(request, path, body)
        await asyncio.sleep(sum(f.wait for f in striking if f.after_effect))
        return await self._strike(blow, request, path) if blow is not None else answer

    async def _strike(self, blow: Fault, request: web.Request, path: str) -> web.Response:
        if blow.reset:
            assert request.transport is not None
            request.transport.abort()
            # The connection is closed already.
            return web.Response(status=500)
        assert blow.status is not None
        if blow.status != 429:
            return web.Response(
                status=blow.status, text=f"<html>{blow.status}</html>", content_type="text/html"
            )
        faults = self._discord.faults
        faults.limit(request.method, path, blow.retry_after)
        headers = {"Retry-After": str(max(1, round(blow.retry_after)))}
        if not blow.via:
            return web.Response(status=429, text="error code: 1015", headers=headers)
        headers |= _JSON | {
            "Via": "1.1 google",
            "X-RateLimit-Scope": "global" if blow.everywhere else "user",
            "X-RateLimit-Limit": str(_LIMIT),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{time.time() + blow.retry_after:.3f}",
            "X-RateLimit-Reset-After": f"{blow.retry_after:.3f}",
        }
        if blow.everywhere:
            headers["X-RateLimit-Global"] = "true"
        return web.Response(status=429, body=json.dumps(limit_body(blow)).encode(), headers=headers)

    def _answer(self, request: web.Request, path: str, body: Any) -> web.Response:
        try:
            self._authorize(request, path)
            handler, where = self._routes.find(request.method, path)
            asked = Asked(where, request.query, body)
            found = handler(self._routes, asked)
            answer = web.Response(status=204)
            if found is not None:
                answer = web.Response(
                    status=asked.status, body=json.dumps(found).encode(), headers=_JSON
                )
        except Refusal as refusal:
            answer = self._refuse(refusal, request)
        except Exception as error:
            # Record it: a client that retries would hide an unforeseen body.
            self._offence(request, f"cannot be understood: {error!r} in {body}")
            raise
        answer.headers.update(_limits(request.method, path))
        return answer

    def _refuse(self, refusal: Refusal, request: web.Request) -> web.Response:
        if refusal.offence:
            self._offence(request, str(refusal))
        body = json.dumps(refusal.body).encode()
        return web.Response(status=refusal.status, body=body, headers=_JSON)

    def _authorize(self, request: web.Request, path: str) -> None:
        if path.startswith(_OPEN) and path != "/gateway/bot":
            return
        if self._discord.faults.token_revoked:
            raise unauthorized(offence=False)
        if request.headers.get("Authorization") != f"Bot {self._discord.token}":
            raise unauthorized()
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self._offence(
                request, "a bot must name itself in User-Agent as DiscordBot (url, version)"
            )

    def _offence(self, request: web.Request, why: str) -> None:
        path = request.path.removeprefix(BASE)
        self._discord.violations.append(f"{request.method} {path}: {why}")


def _limits(method: str, path: str) -> dict[str, str]:
    """Headers of a bucket that is never exhausted; faults inject rate limits."""
    return {
        "Via": "1.1 google",
        "X-RateLimit-Limit": str(_LIMIT),
        "X-RateLimit-Remaining": str(_LIMIT - 1),
        "X-RateLimit-Reset": f"{time.time() + 1:.3f}",
        "X-RateLimit-Reset-After": "1.000",
        "X-RateLimit-Bucket": f"{hash((method, path)) & 0xFFFFFFFF:08x}",
    }
