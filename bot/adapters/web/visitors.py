"""Visitors of the page: they have no accounts and are identified by address, which is not stored.

A visitor's number is a keyed digest of the address, and the key lives only in this process. Limits
and the log recognize a returning visitor by it, but it does not reveal the address.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.requests.job import Requester

NAME = "web"
# The shortest IPv6 prefix of a household (RFC 6177).
_HOUSEHOLD_BYTES = 8
_NUMBER_BYTES = 6
# Headers by which proxies show themselves, configured or not.
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
# Some proxies add the port: 203.0.113.5:4711, [2001:db8::1]:4711
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


class Visitors:
    """Identifies visitors.

    header: the header in which a proxy passes the client's address, None without a proxy.
    published: whether the page has names of its own, and so a proxy.
    """

    def __init__(self, header: str | None, *, published: bool) -> None:
        self._header, self._published = header, published
        self._key = secrets.token_bytes(32)

    def requester(self, request: web.Request, language: str) -> Requester:
        """The requester of this request."""
        number, exempt = self._number(self._address(request)), self._is_operator(request)
        return Requester(NAME, number, None, language, exempt=exempt)

    def _is_operator(self, request: web.Request) -> bool:
        """Whether the request comes from this machine itself, and not from a proxy on it."""
        if self._published or self._header or any(name in request.headers for name in _FORWARDED):
            return False
        try:
            return ip_address(request.remote or "").is_loopback
        except ValueError:
            return False

    def _address(self, request: web.Request) -> str:
        direct = request.remote or ""
        if self._header is None:
            return direct
        # The proxy appends its entry; clients can forge the ones before.
        addresses = request.headers.getall(self._header, [""])[-1]
        return addresses.rpartition(",")[2].strip() or direct

    def _number(self, address: str) -> int:
        digest = hashlib.blake2b(_household(address), key=self._key, digest_size=_NUMBER_BYTES)
        return int.from_bytes(digest.digest())


def _household(address: str) -> bytes:
    """The bytes that identify a visitor: of an IPv6 address only the prefix, since a household has
    all addresses below it; a malformed address unchanged."""
    if (found := _WITH_PORT.fullmatch(address)) is not None:
        address = found["v6"] or found["v4"]
    return _bytes_of(address)


def _bytes_of(address: str) -> bytes:
    try:
        # A zone (fe80::1%eth0) describes this machine, not the visitor's.
        found = ip_address(address.partition("%")[0])
    except ValueError:
        # aiohttp decodes invalid UTF-8 to surrogates.
        return address.encode("utf-8", "surrogateescape")[:64]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return found.packed[:_HOUSEHOLD_BYTES]
        found = found.ipv4_mapped
    return found.packed
