"""The chat commands: their names, and the texts they answer with on every platform.

Adapters parse arguments and display the text. `bot.admin.admin` has the commands of admins.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.admin.reports import model_report
from bot.executor.executor import Executor
from bot.requests.buttons import Button, origin_of
from bot.requests.job import Requester
from bot.service.service import Service
from bot.settings.settings import Settings
from bot.texts import say


class Command(StrEnum):
    """A command's Spanish name, in the order of menus; `command_NAME` in bot.texts describes it."""

    WRITE = "escribe"
    CANCEL = "cancelar"
    INFO = "info"
    MODEL = "modelo"
    PRIVACY = "privacidad"
    HELP = "ayuda"
    RELOAD = "recargar"
    STATUS = "estado"
    PAUSE = "pausar"
    RESUME = "reanudar"


ADMIN_COMMANDS = (Command.RELOAD, Command.STATUS, Command.PAUSE, Command.RESUME)
USER_COMMANDS = tuple(command for command in Command if command not in ADMIN_COMMANDS)


class Commands:
    """The commands of all users."""

    def __init__(self, settings: Settings, service: Service, executor: Executor) -> None:
        self._settings, self._service, self._executor = settings, service, executor

    def model(self, language: str) -> str:
        """Describe the model and the speed of the last answer."""
        return model_report(self._executor.serving, self._service.stats.speed, language)

    async def privacy(self, requester: Requester, *, erase: bool) -> str:
        """Say what the bot stores about people, or erase the requester's data."""
        if erase:
            await self._service.forget(requester)
            return say("erased", requester.language)
        key = "privacy_logged" if self._settings.log_phrases else "privacy"
        return say(key, requester.language)

    async def cancel(self, requester: Requester) -> tuple[bool, str]:
        """Cancel the requester's running job, in any process; whether there was one, and a text.

        The job itself then fails with a notice of its own.
        """
        cancelled = await self._service.cancel_anywhere(requester.person)
        key = "cancelling" if cancelled else "nothing_to_cancel"
        return cancelled, say(key, requester.language)

    def info(self, buttons: Sequence[Button], language: str) -> str:
        """Name the seed and the checkpoint of the answer above these buttons."""
        return origin_of(buttons, language) if buttons else say("not_mine", language)
