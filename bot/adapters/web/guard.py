"""Checks of every request and headers of every response, so that only this page uses the server.

Another site that is open in a visitor's browser must not send requests here: neither through a
name that it resolves to this address (DNS rebinding; the Host header shows the name) nor across
origins. Sec-Fetch-Site shows the latter; without it, the required JSON body makes the browser send
a preflight request, which this server never answers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address

from aiohttp import web
from yarl import URL

from bot.requests.job import new_reference

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "font-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Rejects requests that do not come from the page.

    names: host names of the page.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = {"localhost", *names}

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request to its handler, or reject it."""
        if not self._is_ours(request.headers.get("Host", "")):
            return web.Response(status=421, text="421\n")
        if request.method == "POST":
            if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
                return web.Response(status=403, text="403\n")
            if request.content_type != "application/json":
                return web.Response(status=415, text="415\n")
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("%s: a request for %s failed", new_reference(), request.path[:60])
            return web.Response(status=500, text="500\n")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server. IP addresses cannot be rebound."""
        try:
            name = URL(f"http://{host}").raw_host or ""
        except ValueError:
            return False
        if name.lower() in self._names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of a response, including errors."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Hide the versions of aiohttp and Python.
    response.headers.pop("Server", None)
