"""Checks before the bot starts, so that a bot that cannot serve leaves nothing half started."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.cluster.ray.options import ray_is_installed
from bot.net.ports import PortError, check_port
from bot.settings.env_file import exposed_file, keeps_permissions
from bot.settings.names import (
    DATABASE_URL,
    ENV_FILE,
    LOCAL,
    MISNAMED,
    RAY,
    WEB_PORT,
    WEBHOOK_PORT,
    SettingsError,
)
from bot.settings.settings import Settings
from bot.store.database import knows_postgresql
from bot.texts import say
from model.checkpoint.discovery import check_permission, find_checkpoint

log = logging.getLogger(__name__)


def serves(settings: Settings) -> bool:
    """Whether the settings enable a platform or the web page."""
    return bool(settings.discord_token or settings.telegram_token or settings.web)


def check_front_end(settings: Settings) -> None:
    """Raise SettingsError without a platform, page or terminal: a service, or a container in the
    background, never gets a terminal."""
    if not serves(settings) and not _has_input():
        raise no_front_end()


def no_front_end() -> SettingsError:
    """The error for a bot without a platform, page or terminal: where it looked for tokens, and a
    remedy."""
    file = Path(ENV_FILE).absolute()
    searched = "no_front_end_searched" if file.exists() else "no_front_end_missing"
    misnamed = not file.exists() and file.with_name(MISNAMED).exists()
    remedy = say("no_front_end_misnamed" if misnamed else "no_front_end_setup")
    return SettingsError(say("no_front_end", searched=say(searched, file=file), remedy=remedy))


def check_start(settings: Settings) -> None:
    """Raise SettingsError with a sentence for each obstacle, and CheckpointError for a missing or
    unreadable checkpoint."""
    if problems := list(_problems(settings)):
        raise SettingsError("\n".join(problems))
    if settings.executor == LOCAL:
        check_permission(find_checkpoint(settings.checkpoint, settings.checkpoints_dir))


def _problems(settings: Settings) -> Iterator[str]:
    if (exposed := exposed_file()) is not None:
        if keeps_permissions(exposed.parent):
            yield say("setting_exposed", file=exposed)
        else:
            log.warning("who may read %s is not for its file system to say", exposed)
    if settings.database_url is not None and not knows_postgresql():
        yield say("database_extra", setting=DATABASE_URL)
    for listener in _listeners(settings):
        try:
            check_port(*listener)
        except PortError as error:
            yield str(error)
    if settings.executor == RAY and not ray_is_installed():
        yield say("no_ray")


def _listeners(settings: Settings) -> Iterator[tuple[str, int, str]]:
    """Host, port and port setting of each server to start."""
    if settings.telegram_webhook_url is not None:
        yield settings.telegram_webhook_host, settings.telegram_webhook_port, WEBHOOK_PORT
    if settings.web:
        yield settings.web_host, settings.web_port, WEB_PORT


def _has_input() -> bool:
    """Whether standard input is a terminal, a pipe or a file."""
    try:
        if sys.stdin.isatty():
            return True
        return not stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode)  # /dev/null, or it was closed
    except (OSError, ValueError):  # a stream without a descriptor, set by an embedding program
        return True
