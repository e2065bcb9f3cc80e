"""Connections that notice when the other side is gone without a word.

A cable that was pulled, a router that was switched off or forgets an idle connection says nothing,
and the platforms themselves are silent for half a minute and more. So the system asks the other
side's system every few seconds (tcp(7)), and a connection that stays unanswered fails within ten.
"""

from __future__ import annotations

import socket
from typing import Any

_WANTED = {
    "TCP_KEEPIDLE": 4,  # seconds of silence before the first question
    "TCP_KEEPINTVL": 2,  # seconds between questions
    "TCP_KEEPCNT": 2,  # questions that may stay unanswered
    "TCP_USER_TIMEOUT": 8000,  # milliseconds that what was sent may stay unanswered
}

# What this system knows of it, as setsockopt takes it.
KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, int(getattr(socket, name)), value)
        for name, value in _WANTED.items()
        if hasattr(socket, name)
    ),
]


def open_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of getaddrinfo, as aiohttp's connectors take it."""
    family, kind, protocol = address[:3]
    opened = socket.socket(family, kind, protocol)
    for option in KEEPALIVE:
        opened.setsockopt(*option)
    return opened
