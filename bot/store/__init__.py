"""What outlives the process, in one SQLite file: requests under way, limits, choices, the audit."""

from bot.store.store import Store, open_store

__all__ = ["Store", "open_store"]
