"""Who asks: visitors have no accounts, so one is an address, and no address is ever kept.

A visitor's number is a digest of the address under a key that this process makes and forgets: it
says who asks again, in the limits and the log, and nothing of who that is.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.requests.job import Requester

NAME = "web"
# The least part of the IPv6 addresses that one household has (RFC 6177).
_HOUSEHOLD_BYTES = 8
_NUMBER_BYTES = 6
# Some proxies write the port too: 203.0.113.5:4711, [2001:db8::1]:4711
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


class Visitors:
    """Tells visitors apart; `header` is where a proxy says whom it asks for, None without one."""

    def __init__(self, header: str | None) -> None:
        self._header = header
        self._key = secrets.token_bytes(32)

    def requester(self, request: web.Request, language: str) -> Requester:
        """Who makes this request."""
        return Requester(NAME, self._number(self._address(request)), None, language)

    def _address(self, request: web.Request) -> str:
        direct = request.remote or ""
        if self._header is None:
            return direct
        # Proxies add theirs at the end; whatever stands before, anybody may have written.
        told = request.headers.getall(self._header, [""])[-1]
        return told.rpartition(",")[2].strip() or direct

    def _number(self, address: str) -> int:
        digest = hashlib.blake2b(_household(address), key=self._key, digest_size=_NUMBER_BYTES)
        return int.from_bytes(digest.digest())


def _household(address: str) -> bytes:
    """The bytes that stand for a visitor: of IPv6 only the beginning, since a visitor has all the
    rest; what is no address is taken as it is."""
    if (found := _WITH_PORT.fullmatch(address)) is not None:
        address = found["v6"] or found["v4"]
    return _bytes_of(address)


def _bytes_of(address: str) -> bytes:
    try:
        # A zone (fe80::1%eth0) is about our machine, not about theirs.
        found = ip_address(address.partition("%")[0])
    except ValueError:
        # Bytes that are no UTF-8 arrive as surrogates.
        return address.encode("utf-8", "surrogateescape")[:64]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return found.packed[:_HOUSEHOLD_BYTES]
        found = found.ipv4_mapped
    return found.packed
