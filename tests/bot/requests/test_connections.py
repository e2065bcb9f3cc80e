"""The state of a connection with one line and with several."""

from __future__ import annotations

import time

import pytest

from bot.admin.reports import connection_report
from bot.requests import connection as connections
from bot.requests.connection import Connection
from bot.texts import ENGLISH, SPANISH


def spread(total: int, *numbers: int) -> Connection:
    """A connection whose lines are all up."""
    connection = Connection(total=1)
    connection.spread(numbers, total)
    for number, line in connection.lines.items():
        line.note(True)
        line.servers, line.latency = 1000 + number, lambda n=number: (40 + n) / 1000
    return connection


def test_single_line_is_lost_at_once() -> None:
    connection = Connection()
    assert (connection.up, connection.lost) == (False, [0])
    connection.note(True)
    assert (connection.up, connection.lost, connection.reconnects) == (True, [], 0)
    connection.note(False)
    connection.note(False)
    assert (connection.up, connection.lost) == (False, [0])
    connection.note(True)
    assert connection.reconnects == 1


def test_one_of_several_lines_has_a_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = spread(3, 0, 1)
    connection.lines[1].note(False)
    assert (connection.up, connection.lost) == (False, [])
    monkeypatch.setattr(connections, "LOST_SECONDS", 0.0)
    assert connection.lost == [1]


def test_line_that_was_never_up_is_lost() -> None:
    connection = spread(3, 0, 1)
    connection.spread([0, 1, 2], 3)
    assert connection.lost == [2]
    assert connection.lines[0].up, "a line that goes on is another one"


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (Connection(), "sin conexión"),
        (spread(1, 0), "conectado (servidores 1.000, 40 ms)"),
        (spread(4, 3), "conectado (shards 3/4; servidores 1.003, 43 ms)"),
        (
            spread(4, 0, 1),
            "conectado (shards 0-1/4; servidores 2.001, 40-41 ms; 0: servidores 1.000, 40 ms; "
            "1: servidores 1.001, 41 ms)",
        ),
        (spread(64, *range(32)), "conectado (shards 0-31/64; servidores 32.496, 40-71 ms)"),
    ],
)
def test_connection_report(connection: Connection, told: str) -> None:
    assert connection_report(connection, SPANISH) == told


def test_report_names_lost_shards() -> None:
    connection = spread(64, *range(32))
    for number in (3, 7, 8, 9):
        connection.lines[number].note(False)
    told = connection_report(connection, ENGLISH)
    assert told == (
        "partly connected (shards 0-31/64; servers 32,496, 40-71 ms; not connected: 3,7-9)"
    )


def test_report_names_exhausted_sessions() -> None:
    connection = Connection(total=1)
    connection.closed_until = time.monotonic() + 7200.5
    told = connection_report(connection, SPANISH)
    assert told.startswith("sin conexión: Discord no admite más sesiones hasta dentro de 2 h")
