"""Whether the bot lives and serves, for whoever watches it from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.requests.connection import OK, STANDBY

if TYPE_CHECKING:
    from bot.context import Core

# What a part may say that is well.
WELL = frozenset({OK, STANDBY})


class Health:
    """Reports on the parts of a running bot, a word or two each; a report is good when all are in
    `WELL`.

    core: None until the model has been loaded.
    """

    def __init__(self) -> None:
        self.core: Core | None = None

    def live(self) -> dict[str, str]:
        """Whether it lives: the worker answers. The event loop shows by answering at all."""
        return {"worker": self._worker()}

    def ready(self) -> dict[str, str]:
        """Whether it serves: the worker answers, and events of every configured platform arrive, or
        go to another process for which this one stands by."""
        platforms = self.core.administration.platforms if self.core is not None else ()
        return self.live() | {each.name: each.connection.state for each in platforms}

    def _worker(self) -> str:
        if self.core is None:
            return "starting"
        return OK if self.core.executor.answering else "not answering"
