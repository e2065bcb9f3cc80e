"""Reloads that the worker has not answered yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from bot.executor.generation import UnavailableError
from bot.executor.messages import Load, NotLoaded, Unavailable
from bot.executor.model_info import Reloaded, RolledBackError
from model.errors import CheckpointError, LitteraError

# Loading takes seconds. A load that hangs must not keep admins from another reload.
RELOAD_SECONDS = 300.0


class Reload:
    """One reload; `wait` for its outcome."""

    def __init__(self, number: int, path: Path) -> None:
        self.number, self.path = number, path
        self._outcome: asyncio.Future[Reloaded] = asyncio.get_running_loop().create_future()

    @property
    def message(self) -> Load:
        """The message that asks the worker for it."""
        return Load(self.number, str(self.path))

    async def wait(self) -> Reloaded:
        """The outcome. Raises CheckpointError, RolledBackError or UnavailableError."""
        try:
            return await asyncio.wait_for(self._outcome, RELOAD_SECONDS)
        except TimeoutError:
            reason = f"no answer for {RELOAD_SECONDS:.0f} s"
            raise CheckpointError("unreadable", file=str(self.path), reason=reason) from None

    def succeed(self, done: Reloaded) -> None:
        """The new model is served. Without effect when the caller has given up."""
        if not self._outcome.done():
            self._outcome.set_result(done)

    def fail(self, error: LitteraError) -> None:
        """The model stays. Without effect when the caller has given up."""
        if not self._outcome.done():
            self._outcome.set_exception(error)

    def refuse(self, answer: NotLoaded | Unavailable) -> None:
        """Fail for the worker's reason."""
        if isinstance(answer, Unavailable):
            self.fail(UnavailableError("no replica can load it"))
            return
        error, replicas = answer.failure.exception(), answer.replicas
        self.fail(RolledBackError(error, replicas) if replicas else error)


class Reloads:
    """The reloads of an executor. done, failed: how many ended each way.

    A reload whose caller has given up stays pending: when the worker loads the checkpoint after
    all, it is served.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self._pending: dict[int, Reload] = {}

    def __iter__(self) -> Iterator[Reload]:
        return iter(list(self._pending.values()))

    def add(self, number: int, path: Path) -> Reload:
        """A new reload, pending."""
        self._pending[number] = Reload(number, path)
        return self._pending[number]

    def take(self, number: int) -> Reload | None:
        """The pending reload that an answer belongs to; it is pending no longer."""
        return self._pending.pop(number, None)

    async def outcome(self, reload: Reload) -> Reloaded:
        """Wait for a reload and count how it ends. Raises as Reload.wait."""
        try:
            done = await reload.wait()
        except LitteraError:
            self.failed += 1
            raise
        self.done += 1
        return done

    def fail_all(self, error: LitteraError) -> None:
        """Fail every pending reload."""
        while self._pending:
            self._pending.popitem()[1].fail(error)
