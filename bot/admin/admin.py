"""What admins may do: change the checkpoint, see how the bot is doing, pause it.

Every command says in one sentence or a short report what came of it and never raises; whoever is
no admin is told so, whichever way the command came.
"""

from __future__ import annotations

import logging
from pathlib import Path

from bot.admin.reports import failed_reload_report, following, label, reload_report, status_report
from bot.executor.executor import Executor
from bot.executor.model_info import Serving
from bot.requests.job import Requester
from bot.requests.platform import Platform
from bot.service.peers import CHOICE, Peers
from bot.service.service import Service
from bot.store import Store
from bot.store.coordination import Member
from bot.texts import say, shorten
from model.errors import LitteraError

log = logging.getLogger(__name__)

# What /recargar takes for "the one before".
PREVIOUS = ("anterior", "previous")


class Administration:
    """The admins' commands over one service; `platforms` is filled in by whoever composes it."""

    def __init__(
        self, service: Service, executor: Executor, store: Store, folder: Path, configured: str
    ) -> None:
        self.platforms: list[Platform] = []
        self._service, self._executor, self._store = service, executor, store
        self.peers = Peers(service, executor, store, folder)
        self._folder, self._configured = folder, configured
        self._reloading = False

    def allowed(self, requester: Requester) -> bool:
        """Whether this person administers the bot, at this moment."""
        return self._service.access.administers(requester.person)

    @property
    def previous(self) -> str | None:
        """The checkpoint that `/recargar anterior` goes back to, if there is one."""
        return _remembered(self._store, self._configured).get("previous")

    def checkpoints(self, requester: Requester) -> list[str]:
        """The names that may be loaded; none for somebody who may not."""
        return self._executor.checkpoint_names(self._folder) if self.allowed(requester) else []

    async def reload(self, requester: Requester, name: str = "") -> str:
        """Serve from the checkpoint of this name, of one of `PREVIOUS`, or without a name from the
        same one read anew.

        Only names inside the folder of checkpoints are taken. The old one serves until the new one
        has been loaded and has written a probe, and goes on serving when that fails.
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
        """Take no new requests until `resume`; what was begun is finished."""
        return await self._pause(requester, paused=True)

    async def resume(self, requester: Requester) -> str:
        """Take requests again."""
        return await self._pause(requester, paused=False)

    def status(self, requester: Requester) -> str:
        """How the bot is doing, in a few lines."""
        if not self.allowed(requester):
            return self._denied(requester, "status")
        return status_report(self._service, self._executor, self.platforms, requester.language)

    async def _reload(self, requester: Requester, name: str) -> str:
        language, old = requester.language, self._executor.serving
        if name.lower() in PREVIOUS:
            if self.previous is None:
                return say("reload_none", language)
            name = self.previous
        try:
            path = self._executor.named_checkpoint(name, self._folder) if name else old.path
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
        await self.peers.pause(paused)
        await self._store.record(requester.person, what)
        log.info("%s by %s", what, requester.person)
        return say("paused_done" if paused else "resumed_done", requester.language)

    def _denied(self, requester: Requester, what: str) -> str:
        # In the log only: strangers must not be able to fill the audit.
        log.warning("%s by %s, who is no admin: denied", what, requester.person)
        return say("not_admin", requester.language)

    async def _choose(self, old: Serving, new: Serving) -> tuple[str, list[Member]]:
        left = old.path != new.path and old.path.parent == self._folder
        previous = old.name if left else self.previous
        choice = {"name": new.name, "previous": previous, "instead_of": self._configured}
        return await self.peers.choose(choice)

    async def _record(self, who: Requester, old: Serving, new: str, result: str) -> None:
        await self._store.record(who.person, "reload", old=label(old), new=new, result=result)
        log.info("reload by %s from %s to %s: %s", who.person, label(old), new, result)


def chosen_checkpoint(store: Store, configured: str) -> str:
    """The checkpoint to start with: the one an admin chose last, unless the setting has changed
    since, which is a choice too and a later one."""
    return str(_remembered(store, configured).get("name", configured))


def _remembered(store: Store, configured: str) -> dict[str, str]:
    choice = store.recall(CHOICE)
    if isinstance(choice, dict) and choice.get("instead_of") == configured:
        return choice
    return {}
