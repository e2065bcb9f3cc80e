"""Ports of this machine to listen on, and why one cannot be had."""

from __future__ import annotations

import errno
import socket

from aiohttp import web

from bot.texts import say
from model.errors import LitteraError

_REASONS = {
    errno.EADDRINUSE: "port_taken",
    errno.EACCES: "port_forbidden",
    errno.EADDRNOTAVAIL: "port_elsewhere",
}


class PortError(LitteraError):
    """A port cannot be had; the text (Spanish, a sentence) says why and which setting names it."""


async def listen(runner: web.BaseRunner, host: str, port: int, setting: str) -> None:
    """Have a server listen; raises PortError."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise _explained(error, host, port, setting) from None


def check_port(host: str, port: int, setting: str) -> None:
    """See whether a port could be had at this moment; raises PortError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As asyncio does: what a closed connection has left behind is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise _explained(error, host, port, setting) from None


def _explained(error: OSError, host: str, port: int, setting: str) -> PortError:
    if isinstance(error, socket.gaierror):
        reason = say("port_elsewhere")
    elif (known := _REASONS.get(error.errno or 0)) is not None:
        reason = say(known)
    else:
        reason = error.strerror or str(error)
    return PortError(say("port", host=host, port=port, reason=reason, setting=setting))
