"""What is looked at before anything begins: a bot that could not serve is not half started."""

from __future__ import annotations

import logging

from bot.cluster.ray.options import ray_is_installed
from bot.net.ports import PortError, check_port
from bot.settings.env_file import exposed_file, keeps_permissions
from bot.settings.names import DATABASE_URL, LOCAL, RAY, WEB_PORT, WEBHOOK_PORT, SettingsError
from bot.settings.settings import Settings
from bot.store.database import knows_postgresql
from bot.texts import say
from model.checkpoint.discovery import check_permission, find_checkpoint

log = logging.getLogger(__name__)


def check_start(settings: Settings) -> None:
    """Raises SettingsError with a sentence for each thing that stands in the way, and
    CheckpointError for a checkpoint that is not there or may not be read."""
    problems = []
    if (exposed := exposed_file()) is not None:
        if keeps_permissions(exposed.parent):
            problems.append(say("setting_exposed", file=exposed))
        else:
            log.warning("who may read %s is not for its file system to say", exposed)
    if settings.database_url is not None and not knows_postgresql():
        problems.append(say("database_extra", setting=DATABASE_URL))
    ports = []
    if settings.telegram_webhook_url is not None:
        host, port = settings.telegram_webhook_host, settings.telegram_webhook_port
        ports.append((host, port, WEBHOOK_PORT))
    if settings.web:
        ports.append((settings.web_host, settings.web_port, WEB_PORT))
    for place in ports:
        try:
            check_port(*place)
        except PortError as error:
            problems.append(str(error))
    if settings.executor == RAY and not ray_is_installed():
        problems.append(say("no_ray"))
    if problems:
        raise SettingsError("\n".join(problems))
    if settings.executor == LOCAL:
        check_permission(find_checkpoint(settings.checkpoint, settings.checkpoints_dir))
