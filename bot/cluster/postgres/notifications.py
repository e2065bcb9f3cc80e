"""News from one process to all others, by PostgreSQL's NOTIFY.

A piece of news is there in milliseconds or, when a connection breaks at the wrong moment, never. So
it only hastens what the tables say too, or tells what may be missed: what counts is read again with
every renewal of the lease. https://www.postgresql.org/docs/current/sql-notify.html
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
# PostgreSQL takes less than 8,000 bytes; JSON of ours is ASCII.
PAYLOAD_BYTES = 7000
KEPT = 10_000  # pieces that wait to be told
Handler = Callable[..., object]


class Bus:
    """What this process has to tell, and who listens to what the others tell."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._handlers: dict[str, list[Handler]] = {}
        self._untold: deque[str] = deque(maxlen=KEPT)

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._untold)

    def subscribe(self, kind: str, handler: Handler) -> None:
        """Call `handler` with what another process says about this."""
        self._handlers.setdefault(kind, []).append(handler)

    def publish(self, kind: str, *said: Any) -> None:
        """Tell the others (anything JSON can hold), soon."""
        self._untold.append(json.dumps([kind, *said]))

    async def tell(self, connection: AsyncConnection) -> None:
        """Send what there is to tell; what cannot be sent stays to be told."""
        telling = list(self._untold)
        for payload in self._payloads(telling):
            await connection.execute(select(func.pg_notify(CHANNEL, payload)))
        await connection.commit()
        for _ in range(min(len(telling), len(self._untold))):
            self._untold.popleft()

    async def listen(self, connection: AsyncConnection) -> None:
        """Hear what the others say, for as long as this connection lives."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener(CHANNEL, self._hear)

    def _payloads(self, telling: list[str]) -> Iterator[str]:
        """As many pieces at a time as there is room for: each notification holds up all commits."""
        batch: list[str] = []
        room = PAYLOAD_BYTES
        for piece in telling:
            if batch and len(piece) > room:
                yield self._payload(batch)
                batch, room = [], PAYLOAD_BYTES
            batch.append(piece)
            room -= len(piece) + 1
        if batch:
            yield self._payload(batch)

    def _payload(self, batch: list[str]) -> str:
        return f'["{self._identity}",{",".join(batch)}]'

    def _hear(self, _: object, __: int, ___: str, payload: str) -> None:
        try:
            sender, *pieces = json.loads(payload)
            if sender == self._identity:
                return
            for kind, *said in pieces:
                for handler in self._handlers.get(kind, ()):
                    handler(*said)
        except Exception:  # whatever another program has said there
            log.exception("a notification of the database cannot be read")
