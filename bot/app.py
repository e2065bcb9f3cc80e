"""The program that stays: settings, executor and front ends put together and taken apart again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.adapters import configured_platforms
from bot.adapters.console import standard_console
from bot.admin.admin import Administration, chosen_checkpoint
from bot.context import Core
from bot.executor.executor import Executor, WorkerOptions, WorkerProgram
from bot.logs import configure_logs
from bot.monitoring.health import Health
from bot.monitoring.server import monitoring
from bot.ops.front_ends import nobody, serves
from bot.ops.startup_checks import check_start
from bot.requests.access import Access
from bot.requests.limits import Limits
from bot.requests.platform import Platform, RefusedError
from bot.service.service import Service
from bot.service.stats import Stats
from bot.service.supervision import supervise
from bot.settings.settings import LOCAL, Settings, SettingsError
from bot.store import Store, open_store
from bot.texts import say
from model.checkpoint.discovery import find_checkpoint
from model.errors import CheckpointError, LitteraError

log = logging.getLogger(__name__)

# With so many candidates of each request the rows of the engine are full.
CANDIDATES_A_SEAT = 4


class LostTaskError(LitteraError):
    """A task that the bot cannot do without has failed: only a new process can help."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} failed; the log says why")


def worker_options(settings: Settings, checkpoint: str) -> WorkerOptions:
    """What the settings say about a worker here; raises CheckpointError for an unknown one."""
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
    """The settings of a program that serves the page and nothing else, and keeps what it has to
    keep on this machine apart: a bot that runs beside it has a store of its own."""
    changes = {
        "web": True,
        "discord_token": None,
        "telegram_token": None,
        "state_dir": settings.state_dir / "web",
    }
    return settings.model_copy(update=changes)


def database_of(settings: Settings) -> str | None:
    """The address of the database that is shared, if one is."""
    return None if settings.database_url is None else settings.database_url.get_secret_value()


async def run_bot(settings: Settings) -> None:
    """Serve the platforms that have a token, and the page if it is wanted, or else the terminal,
    until a signal comes or the input ends. Raises LitteraError when it cannot start or no platform
    can ever be served."""
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

        def interrupt() -> None:  # the answer under way, or else the conversation
            if not console.interrupt():
                conversation.cancel()

        with _signals({signal.SIGTERM: conversation.cancel, signal.SIGINT: interrupt}):
            await asyncio.wait([conversation])
        if not conversation.cancelled():
            conversation.result()
            if console.silent:
                raise nobody()
    finally:
        await executor.close()


async def _serve_platforms(settings: Settings) -> None:
    check_start(settings)
    health = Health()
    async with (
        monitoring(settings, health),
        open_store(settings.state_dir, settings.audit_days, database_of(settings)) as store,
    ):
        await _serve_from(store, settings, health)


async def _serve_from(store: Store, settings: Settings, health: Health) -> None:
    executor = await _start_with_choice(settings, store)
    try:
        core = make_core(settings, executor, store)
        await _restore_limits(core)
        platforms = configured_platforms(core)
        core.administration.platforms.extend(platforms)
        core.administration.peers.join(platforms)
        health.core = core
        watches = (
            asyncio.create_task(core.service.stats.watch_loop(), name="loop watch"),
            asyncio.create_task(core.service.take_over(), name="takeover"),
        )
        try:
            await _until_stopped(core, platforms, (executor.keeper, *watches))
        finally:
            for watch in watches:
                watch.cancel()
    finally:
        health.core = None
        await executor.close()


async def _start_with_choice(settings: Settings, store: Store) -> Executor:
    """An executor that serves the admins' last choice, or the configured checkpoint when that
    cannot be loaded any more."""
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
    """Who writes, and with what; raises CheckpointError, and SettingsError without Ray."""
    if settings.executor == LOCAL:
        return worker_options(settings, checkpoint)
    from bot.cluster.ray.options import cluster_options, ray_is_installed

    if not ray_is_installed():
        raise SettingsError(say("no_ray"))
    return cluster_options(settings, checkpoint)


def make_core(settings: Settings, executor: Executor, store: Store) -> Core:
    """The core as the settings want it."""
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
    administration = Administration(
        service, executor, store, settings.checkpoints_dir, settings.checkpoint
    )
    return Core(settings, executor, service, administration, store)


def _seats(settings: Settings) -> int:
    """How many requests the executor is given at a time, so that each has some candidates."""
    each = min(CANDIDATES_A_SEAT, settings.fixed_candidates or CANDIDATES_A_SEAT)
    return max(1, settings.max_batch // each)


async def _restore_limits(core: Core) -> None:
    """Count on where an earlier process stopped."""
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
    """Serve every platform on its own until a signal comes; then let what runs finish.

    needed: tasks without which nothing works. Raises LostTaskError when one of them fails.
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
            if served.done():  # each of them was refused for good
                raise SettingsError("\n".join(map(str, served.result())))
            log.info("stopping")
            await core.service.close(core.settings.shutdown_seconds)
    finally:
        stopped.cancel()
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)


def raise_if_failed(ended: asyncio.Task[None]) -> None:
    """Raise LostTaskError for a task that failed; its traceback goes to the log."""
    if not ended.cancelled() and (error := ended.exception()) is not None:
        log.error("%s failed", ended.get_name(), exc_info=error)
        raise LostTaskError(ended.get_name())


async def _supervise_all(platforms: list[Platform]) -> list[RefusedError]:
    return await asyncio.gather(*map(supervise, platforms))


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Call these on signals, where the system lets an event loop have them.

    Once one has come, later ones are ignored until the process ends: they say nothing new, and one
    that ended it by default would leave the journal without its end and lose the exit code.
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
                signal.signal(number, signal.SIG_IGN)  # what came meanwhile is dropped with it
        if came:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, installed)
