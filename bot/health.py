"""Whether the bot lives and serves, for whoever watches it from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.core import Core

OK = "ok"


class Health:
    """Reports on the parts of a running bot, a word each; a report is good when all say `OK`.

    core: None until the model has been loaded.
    """

    def __init__(self) -> None:
        self.core: Core | None = None

    def live(self) -> dict[str, str]:
        """Whether it lives: the worker answers. The event loop shows by answering at all."""
        return {"worker": self._worker()}

    def ready(self) -> dict[str, str]:
        """Whether it serves: the worker answers, and events of every configured platform arrive."""
        platforms = self.core.administration.platforms if self.core is not None else ()
        connections = {each.name: each.connection.up for each in platforms}
        return self.live() | {
            name: OK if up else "disconnected" for name, up in connections.items()
        }

    def _worker(self) -> str:
        if self.core is None:
            return "starting"
        return OK if self.core.executor.answering else "not answering"
