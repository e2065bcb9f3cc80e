"""Values by name that outlive the process, all of them held in memory too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import memory
from bot.store.transactions import Transactions


class Values:
    """Reads come from memory; writes that fail are repeated with the next one."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._values: dict[str, Any] = {}
        self._unwritten: set[str] = set()
        self._watchers: list[Callable[[], object]] = []
        self.edits = 0

    def get(self, name: str) -> Any:
        """The value of a name, None without one."""
        return self._values.get(name)

    async def load(self) -> None:
        """Read all values from the database."""
        self._values = await self._transactions.run(self.read) or {}

    async def set(self, name: str, value: Any) -> bool:
        """Store a value (anything JSON can hold); whether it is a new one and was written."""
        if self._values.get(name) == value:
            return False
        self._values[name] = value
        self.edits += 1
        self._unwritten.add(name)
        written = await self._transactions.run(self.write)
        self.note_written(written or {})
        return written is not None

    def watch(self, changed: Callable[[], object]) -> None:
        """Call `changed` when `refresh` finds other values."""
        self._watchers.append(changed)

    def refresh(self, found: dict[str, Any]) -> None:
        """Take over the values of the database, except where newer ones are not written yet."""
        found = found | {name: self._values[name] for name in self._unwritten}
        before, self._values = self._values, found
        if before != found:
            for changed in self._watchers:
                changed()

    # Parts of a transaction.

    async def read(self, connection: AsyncConnection) -> dict[str, Any]:
        """All values in the database."""
        rows = await connection.execute(select(memory.c.name, memory.c.value))
        return {name: value for name, value in rows}  # noqa: C416 (rows are no tuples to mypy)

    async def write(self, connection: AsyncConnection) -> dict[str, Any]:
        """Write pending values; returns them for `note_written` after the commit."""
        writing = {name: self._values[name] for name in self._unwritten}
        for name, value in writing.items():
            row = self._transactions.database.insert(memory).values(name=name, value=value)
            row = row.on_conflict_do_update(index_elements=["name"], set_={"value": value})
            await connection.execute(row)
        return writing

    def note_written(self, written: dict[str, Any]) -> None:
        """Values that the database has now are no longer pending."""
        self._unwritten -= {name for name, value in written.items() if self._values[name] == value}
