"""News between processes, by PostgreSQL's NOTIFY: at-most-once.

News arrive within milliseconds, or never if a connection breaks. So they only speed up changes that
the tables hold too, and carry facts that may be lost; each renewal of the lease reads the tables.
https://www.postgresql.org/docs/current/sql-notify.html
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

CHANNEL = "litteragpt"
# PostgreSQL's limit is 8,000 bytes; our JSON is ASCII.
PAYLOAD_BYTES = 7000
KEPT = 10_000  # unsent pieces
Handler = Callable[..., object]


class Bus:
    """Unsent news of this process and the subscribers to those of others."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._handlers: dict[str, list[Handler]] = {}
        self._unsent: deque[str] = deque(maxlen=KEPT)

    @property
    def pending(self) -> bool:
        """Whether there are unsent news."""
        return bool(self._unsent)

    def subscribe(self, kind: str, handler: Handler) -> None:
        """Call `handler` with the values of news of this kind from another process."""
        self._handlers.setdefault(kind, []).append(handler)

    def publish(self, kind: str, *values: Any) -> None:
        """Queue news (values that JSON can hold)."""
        self._unsent.append(json.dumps([kind, *values]))

    async def send(self, connection: AsyncConnection) -> None:
        """Send the queued news; they stay queued if that fails."""
        sending = list(self._unsent)
        for payload in self._payloads(sending):
            await connection.execute(select(func.pg_notify(CHANNEL, payload)))
        await connection.commit()
        for _ in range(min(len(sending), len(self._unsent))):
            self._unsent.popleft()

    async def listen(self, connection: AsyncConnection) -> None:
        """Receive the others' news while this connection lives."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener(CHANNEL, self._receive)

    def _payloads(self, pieces: list[str]) -> Iterator[str]:
        """Full batches: each notification holds up all commits."""
        batch: list[str] = []
        room = PAYLOAD_BYTES
        for piece in pieces:
            if batch and len(piece) > room:
                yield self._payload(batch)
                batch, room = [], PAYLOAD_BYTES
            batch.append(piece)
            room -= len(piece) + 1
        if batch:
            yield self._payload(batch)

    def _payload(self, batch: list[str]) -> str:
        return f'["{self._identity}",{",".join(batch)}]'

    def _receive(self, _: object, __: int, ___: str, payload: str) -> None:
        try:
            sender, *pieces = json.loads(payload)
            if sender == self._identity:
                return
            for kind, *values in pieces:
                for handler in self._handlers.get(kind, ()):
                    handler(*values)
        except Exception:  # another program may use the channel
            log.exception("a notification of the database cannot be read")
