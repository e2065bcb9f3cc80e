"""The commands of admins: change the checkpoint, report the status, pause and resume.

Every command returns the text to show and never raises. Each checks the requester's rights itself,
however it was invoked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from bot.admin.reports import failed_reload_report, following, label, reload_report, status_report
from bot.executor.executor import Executor
from bot.executor.model_info import ModelInfo
from bot.requests.connection import Connection
from bot.requests.job import Requester
from bot.service.peers import CHOICE, Peers
from bot.service.service import Service
from bot.store import Store
from bot.store.coordination import Member
from bot.texts import say
from bot.texts.formatting import shorten
from model.errors import LitteraError

log = logging.getLogger(__name__)

# Names that /recargar reads as the previous checkpoint.
PREVIOUS = ("anterior", "previous")


class Admin:
    """The admins' commands over one service.

    connections: one for each platform, by name, for the status report.
    folder: the checkpoints that may be loaded.
    configured: the checkpoint that the settings name.
    """

    def __init__(
        self,
        service: Service,
        executor: Executor,
        store: Store,
        connections: Mapping[str, Connection],
        folder: Path,
        configured: str,
    ) -> None:
        self._service, self._executor, self._store = service, executor, store
        self._connections = connections
        self._peers = Peers(service, executor, store, folder, connections)
        self._folder, self._configured = folder, configured
        self._reloading = False

    def allowed(self, requester: Requester) -> bool:
        """Whether the requester is an admin now."""
        return self._service.access.administers(requester.person)

    @property
    def previous(self) -> str | None:
        """The checkpoint that `/recargar anterior` loads, None without one."""
        return _remembered(self._store, self._configured).get("previous")

    def checkpoints(self, requester: Requester) -> list[str]:
        """The names that the requester may load; empty for anyone but an admin."""
        return self._executor.pool.checkpoint_names(self._folder) if self.allowed(requester) else []

    async def reload(self, requester: Requester, name: str = "") -> str:
        """Load the checkpoint of this name or, for a name in `PREVIOUS`, the previous one; without
        a name, read the current one again.

        Only names inside the folder of checkpoints are accepted. The old checkpoint serves until
        the new one is loaded and has written a probe, and stays if that fails.
        """
        if not self.allowed(requester):
            return self._denied(requester, "reload")
        if self._reloading:
            return say("reload_under_way", requester.language)
        self._reloading = True
        try:
            return await self._reload(requester, name.strip())
        finally:
            self._reloading = False

    async def pause(self, requester: Requester) -> str:
        """Refuse new requests until `resume`; running ones finish."""
        return await self._pause(requester, paused=True)

    async def resume(self, requester: Requester) -> str:
        """Accept requests again."""
        return await self._pause(requester, paused=False)

    def status(self, requester: Requester) -> str:
        """Report on the bot in a few lines."""
        if not self.allowed(requester):
            return self._denied(requester, "status")
        return status_report(self._service, self._executor, self._connections, requester.language)

    async def _reload(self, requester: Requester, name: str) -> str:
        language, old = requester.language, self._executor.serving
        if name.lower() in PREVIOUS:
            if self.previous is None:
                return say("reload_none", language)
            name = self.previous
        try:
            path = self._executor.pool.named_checkpoint(name, self._folder) if name else old.path
            done = await self._executor.reload(path)
        except LitteraError as error:
            await self._record(requester, old, shorten(name), f"failed ({type(error).__name__})")
            return failed_reload_report(old, error, language)
        await self._record(requester, done.old, label(done.new), "done")
        mark, others = await self._choose(done.old, done.new)
        return "\n".join([reload_report(done, language), *following(others, mark, language)])

    async def _pause(self, requester: Requester, *, paused: bool) -> str:
        what = "pause" if paused else "resume"
        if not self.allowed(requester):
            return self._denied(requester, what)
        await self._peers.pause(paused)
        await self._store.record(requester.person, what)
        log.info("%s by %s", what, requester.person)
        return say("paused_done" if paused else "resumed_done", requester.language)

    def _denied(self, requester: Requester, what: str) -> str:
        # Only logged: strangers must not be able to fill the audit.
        log.warning("%s by %s, who is no admin: denied", what, requester.person)
        return say("not_admin", requester.language)

    async def _choose(self, old: ModelInfo, new: ModelInfo) -> tuple[str, list[Member]]:
        left = old.path != new.path and old.path.parent == self._folder
        previous = old.name if left else self.previous
        choice = {"name": new.name, "previous": previous, "instead_of": self._configured}
        return await self._peers.choose(choice)

    async def _record(self, who: Requester, old: ModelInfo, new: str, result: str) -> None:
        await self._store.record(who.person, "reload", old=label(old), new=new, result=result)
        log.info("reload by %s from %s to %s: %s", who.person, label(old), new, result)


def chosen_checkpoint(store: Store, configured: str) -> str:
    """The checkpoint to start with: the admins' last choice, or the configured one if the setting
    has changed since that choice."""
    return str(_remembered(store, configured).get("name", configured))


def _remembered(store: Store, configured: str) -> dict[str, str]:
    choice = store.recall(CHOICE)
    if isinstance(choice, dict) and choice.get("instead_of") == configured:
        return choice
    return {}
