"""Composition and life of the bot: settings, executor and platforms, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.adapters import configured_connections, configured_platforms
from bot.adapters.console import standard_console
from bot.admin.admin import Admin, chosen_checkpoint
from bot.admin.commands import Commands
from bot.context import Core
from bot.executor.executor import Executor
from bot.executor.program import WorkerOptions, WorkerProgram
from bot.logs import configure_logs
from bot.monitoring.server import Monitor, monitoring
from bot.ops.startup_checks import check_start, no_front_end, serves
from bot.requests.access import Access
from bot.requests.limits import Limits
from bot.requests.platform import Platform, RefusedError
from bot.service.service import Service
from bot.service.stats import Stats
from bot.service.supervision import supervise
from bot.settings.names import LOCAL, SettingsError
from bot.settings.settings import Settings
from bot.store import Store, open_store
from bot.texts import say
from model.checkpoint.discovery import find_checkpoint
from model.errors import CheckpointError, LitteraError

log = logging.getLogger(__name__)

# Candidates of each request that together fill the engine's slots.
CANDIDATES_A_SEAT = 4


class LostTaskError(LitteraError):
    """An essential task failed; only a new process can help."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} failed; the log says why")


def worker_options(settings: Settings, checkpoint: str) -> WorkerOptions:
    """Options of a local worker. Raises CheckpointError for an unknown checkpoint."""
    return WorkerOptions(
        checkpoint=find_checkpoint(checkpoint, settings.checkpoints_dir),
        device=settings.device,
        engine=settings.engine,
        threads=settings.threads,
        max_batch=settings.max_batch,
        queue_limit=settings.queue_limit,
        phrase_limit=settings.phrase_limit,
    )


def web_alone(settings: Settings) -> Settings:
    """The settings of a process that serves only the page. Its state is separate from that of a
    bot on the same machine."""
    changes = {
        "web": True,
        "discord_token": None,
        "telegram_token": None,
        "state_dir": settings.state_dir / "web",
    }
    return settings.model_copy(update=changes)


def database_of(settings: Settings) -> str | None:
    """The URL of the shared database, None without one."""
    return None if settings.database_url is None else settings.database_url.get_secret_value()


async def run_bot(settings: Settings) -> None:
    """Serve the configured platforms or, without any, the terminal, until a signal comes or the
    input ends. Raises LitteraError if the bot cannot start or every platform refuses it."""
    configure_logs(settings.log_level, settings.secrets, settings.log_format, settings.log_levels)
    if serves(settings):
        await _serve_platforms(settings)
    else:
        await _converse(settings)


async def _converse(settings: Settings) -> None:
    executor = Executor(_worker(settings, settings.checkpoint))
    await executor.start()
    try:
        console = standard_console(executor, settings)
        conversation = asyncio.create_task(console.run(), name="console")

        def interrupt() -> None:  # the running answer or, without one, the conversation
            if not console.interrupt():
                conversation.cancel()

        with _signals({signal.SIGTERM: conversation.cancel, signal.SIGINT: interrupt}):
            await asyncio.wait([conversation])
        if not conversation.cancelled():
            conversation.result()
            if console.silent:
                raise no_front_end()
    finally:
        await executor.close()


async def _serve_platforms(settings: Settings) -> None:
    check_start(settings)
    async with (
        monitoring(settings) as monitor,
        open_store(settings.state_dir, settings.audit_days, database_of(settings)) as store,
    ):
        executor = await _start_with_choice(settings, store)
        try:
            await _serve_from(make_core(settings, executor, store), monitor)
        finally:
            await executor.close()


async def _serve_from(core: Core, monitor: Monitor) -> None:
    await _restore_limits(core)
    platforms = configured_platforms(core)
    with monitor.watching(core):
        watches = (
            asyncio.create_task(core.service.stats.watch_loop(), name="loop watch"),
            asyncio.create_task(core.service.take_over(), name="takeover"),
        )
        try:
            await _until_stopped(core, platforms, (core.executor.keeper, *watches))
        finally:
            for watch in watches:
                watch.cancel()


async def _start_with_choice(settings: Settings, store: Store) -> Executor:
    """An executor that serves the admins' last choice or, if that can no longer be loaded, the
    configured checkpoint."""
    name = chosen_checkpoint(store, settings.checkpoint)
    if name != settings.checkpoint:
        try:
            executor = Executor(_worker(settings, name))
            await executor.start()
        except CheckpointError as error:
            log.warning("the chosen checkpoint cannot be served (%s); starting without it", error)
        else:
            return executor
    executor = Executor(_worker(settings, settings.checkpoint))
    await executor.start()
    return executor


def _worker(settings: Settings, checkpoint: str) -> WorkerProgram:
    """The worker or cluster that writes. Raises CheckpointError, and SettingsError without Ray."""
    if settings.executor == LOCAL:
        return worker_options(settings, checkpoint)
    from bot.cluster.ray.options import cluster_options, ray_is_installed

    if not ray_is_installed():
        raise SettingsError(say("no_ray"))
    return cluster_options(settings, checkpoint)


def make_core(settings: Settings, executor: Executor, store: Store) -> Core:
    """Compose the parts behind the platforms."""
    limits = Limits(
        person_minute=settings.person_per_minute,
        person_day=settings.person_per_day,
        place_minute=settings.server_per_minute,
        strikes=settings.strikes,
        block_seconds=60.0 * settings.block_minutes,
    )
    service = Service(
        executor,
        limits,
        _access(settings),
        Stats(),
        store,
        slots=_seats(settings),
        queue_limit=settings.queue_limit,
        log_phrases=settings.log_phrases,
    )
    connections = configured_connections(settings)
    folder, configured = settings.checkpoints_dir, settings.checkpoint
    admin = Admin(service, executor, store, connections, folder, configured)
    commands = Commands(settings, service, executor)
    return Core(settings, executor, service, store, connections, admin, commands)


def _seats(settings: Settings) -> int:
    """The number of requests written at a time, such that each gets some candidates."""
    each = min(CANDIDATES_A_SEAT, settings.fixed_candidates or CANDIDATES_A_SEAT)
    return max(1, settings.max_batch // each)


async def _restore_limits(core: Core) -> None:
    """Continue the counts of an earlier process."""
    for person, server, ago in await core.store.counted():
        core.service.limits.count(person, server, ago)
    for person, left in await core.store.blocked():
        core.service.limits.block(person, left)


def _access(settings: Settings) -> Access:
    return Access(
        admins=frozenset(
            {f"discord:{admin}" for admin in settings.discord_admin_ids}
            | {f"telegram:{admin}" for admin in settings.telegram_admin_ids}
        ),
        allowed_users=settings.allowed_users,
        blocked_users=settings.blocked_users,
        allowed_servers=settings.allowed_servers,
        blocked_servers=settings.blocked_servers,
    )


async def _until_stopped(
    core: Core, platforms: list[Platform], needed: Sequence[asyncio.Task[None]]
) -> None:
    """Supervise every platform until a signal comes, then let running jobs finish.

    needed: essential tasks. Raises LostTaskError if one of them fails.
    """
    stop = asyncio.Event()
    stopped = asyncio.create_task(stop.wait(), name="signal")
    served = asyncio.create_task(_supervise_all(platforms), name="platforms")
    try:
        with _signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}):
            waited = {stopped, served, *needed}
            while not (stopped.done() or served.done()):
                done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                waited -= done
                for task in needed:
                    if task in done:
                        raise_if_failed(task)
            if served.done():  # every platform was refused
                raise SettingsError("\n".join(map(str, served.result())))
            log.info("stopping")
            await core.service.close(core.settings.shutdown_seconds)
    finally:
        stopped.cancel()
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)


def raise_if_failed(ended: asyncio.Task[None]) -> None:
    """Raise LostTaskError for a failed task and log its traceback."""
    if not ended.cancelled() and (error := ended.exception()) is not None:
        log.error("%s failed", ended.get_name(), exc_info=error)
        raise LostTaskError(ended.get_name())


async def _supervise_all(platforms: list[Platform]) -> list[RefusedError]:
    return await asyncio.gather(*map(supervise, platforms))


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Call these on signals, on systems where an event loop can handle them.

    After the first one, signals are ignored until the process ends: their default action would
    leave the journal open and lose the exit code.
    """
    loop = asyncio.get_running_loop()
    installed: list[signal.Signals] = []
    came: list[signal.Signals] = []

    def call(number: signal.Signals) -> None:
        came.append(number)
        handlers[number]()

    for number in handlers:
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, call, number)
            installed.append(number)
    try:
        yield
    finally:
        if came:
            signal.pthread_sigmask(signal.SIG_BLOCK, installed)
        for number in installed:
            loop.remove_signal_handler(number)
            if came:
                signal.signal(number, signal.SIG_IGN)  # drops pending ones too
        if came:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, installed)
