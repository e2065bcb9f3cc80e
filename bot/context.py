"""What every adapter is given to work with."""

from __future__ import annotations

from dataclasses import dataclass

from bot.admin.admin import Administration
from bot.executor.executor import Executor
from bot.service.service import Service
from bot.settings.settings import Settings
from bot.store import Store


@dataclass(frozen=True)
class Core:
    """The parts behind the platforms, made once by `bot.app`."""

    settings: Settings
    executor: Executor
    service: Service
    administration: Administration
    store: Store
