"""TCP keepalive detects a dead peer within ten seconds."""

from __future__ import annotations

import socket
import sys

import pytest

from bot.net.keepalive import KEEPALIVE, open_socket


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count in other ways")
def test_sockets_have_keepalive_options() -> None:
    (address, *_) = socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    with open_socket(address) as opened:
        found = {name: opened.getsockopt(level, name) for level, name, _ in KEEPALIVE}
    assert found == {name: value for _, name, value in KEEPALIVE}
    questions = found[socket.TCP_KEEPINTVL] * found[socket.TCP_KEEPCNT]
    assert found[socket.TCP_KEEPIDLE] + questions < 10
    assert found[socket.TCP_USER_TIMEOUT] < 10_000
