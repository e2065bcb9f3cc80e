"""Ports of this machine to listen on, and why one cannot be had."""

from __future__ import annotations

import errno
import socket

from aiohttp import web

from bot.texts import say
from bot.texts.formatting import shorten
from model.errors import LitteraError

_REASONS = {
    errno.EADDRINUSE: "port_taken",
    errno.EACCES: "port_forbidden",
}


class PortError(LitteraError):
    """A port cannot be had; the text (Spanish, a sentence) says why and which setting names it."""


async def listen(runner: web.BaseRunner, host: str, port: int, setting: str) -> None:
    """Have a server listen; raises PortError."""
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, ValueError) as error:  # a name that is none is a ValueError
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
    except (OSError, ValueError) as error:
        raise _explained(error, host, port, setting) from None


def _explained(error: OSError | ValueError, host: str, port: int, setting: str) -> PortError:
    """The sentence for an error; what is wrong with the host is no fault of the port."""
    number = error.errno if isinstance(error, OSError) else None
    strange = isinstance(error, (socket.gaierror, ValueError))
    if strange or number == errno.EADDRNOTAVAIL:
        reason = say("port_unknown_host" if strange else "port_elsewhere")
        remedy = say("host_remedy", setting=setting.removesuffix("PORT") + "HOST")
    else:
        known = _REASONS.get(number or 0)
        reason = str(getattr(error, "strerror", error)) if known is None else say(known)
        remedy = say("port_remedy", setting=setting)
    return PortError(say("port", host=shorten(host), port=port, reason=reason, remedy=remedy))
