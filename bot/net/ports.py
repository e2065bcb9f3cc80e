"""Listening on TCP ports, with errors that name the cause and the setting."""

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
    """A port is unavailable; the message (Spanish, a sentence) names the cause and the setting."""


async def listen(runner: web.BaseRunner, host: str, port: int, setting: str) -> None:
    """Start a server on a port. Raises PortError."""
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, ValueError) as error:  # an invalid host name is a ValueError
        raise _explained(error, host, port, setting) from None


def check_port(host: str, port: int, setting: str) -> None:
    """Raise PortError unless the port is available now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As asyncio does: sockets in TIME_WAIT do not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except (OSError, ValueError) as error:
        raise _explained(error, host, port, setting) from None


def _explained(error: OSError | ValueError, host: str, port: int, setting: str) -> PortError:
    """The error for a port; a wrong host is reported as such."""
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
