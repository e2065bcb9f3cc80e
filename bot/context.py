"""The parts behind the platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.admin.admin import Admin
from bot.admin.commands import Commands
from bot.executor.executor import Executor
from bot.requests.connection import Connection
from bot.service.service import Service
from bot.settings.settings import Settings
from bot.store import Store


@dataclass(frozen=True)
class Core:
    """Made once, by `bot.app`; every adapter gets one."""

    settings: Settings
    executor: Executor
    service: Service
    store: Store
    # One for each configured platform, by name. Adapters update theirs; status, metrics and health
    # checks read all of them.
    connections: Mapping[str, Connection]
    admin: Admin
    commands: Commands
