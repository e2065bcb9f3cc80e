"""Sockets that detect a dead peer.

A pulled cable, or a router that lost power or forgot an idle connection, sends nothing, and the
platforms are silent for half a minute and longer. TCP keepalive (tcp(7)) probes the peer every few
seconds; a connection without a response fails within ten."""

from __future__ import annotations

import socket
from typing import Any

_WANTED = {
    "TCP_KEEPIDLE": 4,  # seconds of silence before the first probe
    "TCP_KEEPINTVL": 2,  # seconds between probes
    "TCP_KEEPCNT": 2,  # probes without a response
    "TCP_USER_TIMEOUT": 8000,  # milliseconds that sent data may stay unacknowledged
}

# The options that this system supports, as arguments for setsockopt.
KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, int(getattr(socket, name)), value)
        for name, value in _WANTED.items()
        if hasattr(socket, name)
    ),
]


def open_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of getaddrinfo, as aiohttp connectors need it."""
    family, kind, protocol = address[:3]
    opened = socket.socket(family, kind, protocol)
    for option in KEEPALIVE:
        opened.setsockopt(*option)
    return opened
