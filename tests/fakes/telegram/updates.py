"""The update queue.

Updates expire 24 hours after their event. `allowed_updates` filters the queue, not delivery, and
persists until a client changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.telegram.waiting import Changes, Clock

LIFETIME = 24 * 3600.0
# Kinds that a client receives only on explicit request.
OPT_IN = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True)
class Pending:
    """An unconfirmed update."""

    id: int
    kind: str
    body: dict[str, Any]
    at: float

    @property
    def chat_id(self) -> int:
        """The chat of the update, or a unique number."""
        body = self.body.get(self.kind)
        message = body.get("message", body) if isinstance(body, dict) else {}
        return int(message.get("chat", {}).get("id", self.id))


class Updates:
    """The queue, and the ids of updates that have left it, by reason: `confirmed`, `expired`,
    `dropped` by drop_pending_updates. `ignored` lists the kinds that the client did not allow."""

    def __init__(self, clock: Clock, changes: Changes) -> None:
        self.confirmed: set[int] = set()
        self.expired: set[int] = set()
        self.dropped: set[int] = set()
        self.ignored: list[str] = []
        self.allowed: set[str] | None = None
        self._clock, self._changes = clock, changes
        self._pending: list[Pending] = []
        self._next_id = 100_000_001

    def push(self, kind: str, payload: dict[str, Any]) -> int:
        """Queue an update unless the client does not allow its kind; its id."""
        return self.push_raw({kind: payload}, kind)

    def push_raw(self, body: dict[str, Any], kind: str = "") -> int:
        """Queue an update with arbitrary content; its id."""
        number = self._next_id
        self._next_id += 1
        if kind and not self._wants(kind):
            self.ignored.append(kind)
            return number
        at = self._happened(body.get(kind))
        self._pending.append(Pending(number, kind, {"update_id": number} | body, at))
        self._changes.happened()
        return number

    def pending(self) -> Sequence[Pending]:
        """Unconfirmed updates, the oldest first."""
        oldest = self._clock.now() - LIFETIME
        self.expired |= {update.id for update in self._pending if update.at < oldest}
        self._pending = [update for update in self._pending if update.at >= oldest]
        return self._pending

    def confirm_below(self, offset: int) -> None:
        """Confirm all updates below the offset; a negative one counts from the end."""
        pending = self.pending()
        if offset < 0:
            offset = pending[offset:][0].id if pending else 0
        self._confirm({update.id for update in pending if update.id < offset})

    def confirm(self, update: Pending) -> None:
        """Confirm one update."""
        self._confirm({update.id})

    def drop(self) -> None:
        """Drop all updates without confirmation."""
        self.dropped |= {update.id for update in self._pending}
        self._pending.clear()

    def allow(self, kinds: Sequence[str] | None) -> None:
        """Allow only these kinds from now on; [] allows all but OPT_IN, None changes nothing."""
        if kinds is not None:
            self.allowed = set(kinds) or None

    def _confirm(self, numbers: set[int]) -> None:
        self.confirmed |= numbers
        self._pending = [update for update in self._pending if update.id not in numbers]
        self._changes.happened()

    def _wants(self, kind: str) -> bool:
        return kind not in OPT_IN if self.allowed is None else kind in self.allowed

    def _happened(self, payload: Any) -> float:
        dates = payload if isinstance(payload, dict) else {}
        return float(dates.get("edit_date") or dates.get("date") or self._clock.now())
