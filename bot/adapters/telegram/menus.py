"""The bot's menus of commands and its descriptions on Telegram.

Each is set only when it has changed; the store remembers a digest of each. Admins see their
commands only in the menu of their own chat with the bot
(https://core.telegram.org/bots/api#botcommandscope).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import TelegramError

from bot.adapters.telegram.connection import BotConnection, summarize_error
from bot.admin.commands import ADMIN_COMMANDS, USER_COMMANDS, Command
from bot.context import Core
from bot.texts import ENGLISH, SPANISH, say

log = logging.getLogger(__name__)

_MEMORY = "telegram_menus"
# Spanish by default, and English for users whose Telegram is in English.
_LANGUAGES = ((SPANISH, None), (ENGLISH, "en"))


@dataclass(frozen=True)
class _Setting:
    """A menu or a description."""

    # Its key in the stored digests.
    name: str
    content: Any
    apply: Callable[[], Coroutine[Any, Any, bool]]

    @property
    def digest(self) -> str:
        content = json.dumps(self.content, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class Menus:
    """Sets the menus and descriptions of one bot."""

    def __init__(self, bot: BotConnection, core: Core) -> None:
        self._bot, self._core = bot, core
        self._met: set[int] = set()
        self._publishing = asyncio.Lock()

    async def publish(self) -> None:
        """Set all that have changed; logs failures."""
        async with self._publishing:
            await self._publish()

    async def meet(self, user: int) -> None:
        """Note a private message: an admin's chat with the bot now exists and can have a menu."""
        if user in self._core.settings.telegram_admin_ids and user not in self._met:
            self._met.add(user)
            await self.publish()

    async def _publish(self) -> None:
        remembered = self._core.store.recall(_MEMORY)
        done = dict(remembered) if isinstance(remembered, dict) else {}
        met = self._met | {int(name.split(".")[2]) for name in done if self._is_admin_menu(name)}
        admins = sorted(met & self._core.settings.telegram_admin_ids)
        wanted = {setting.name: setting for setting in self._settings(admins)}
        for setting in wanted.values():
            if done.get(setting.name) != setting.digest and await self._try(setting):
                done[setting.name] = setting.digest
                # At once, since the process may end before the next one.
                await self._core.store.remember(_MEMORY, dict(done))
        for name in [name for name in done if name not in wanted and self._is_admin_menu(name)]:
            if await self._try(_Setting(name, None, self._removal(name))):
                del done[name]
                await self._core.store.remember(_MEMORY, dict(done))

    async def _try(self, setting: _Setting) -> bool:
        try:
            await setting.apply()
        except TelegramError as error:
            log.warning("the menu %s cannot be set: %s", setting.name, summarize_error(error))
            return False
        return True

    def _settings(self, admins: Sequence[int]) -> Iterator[_Setting]:
        for language, code in _LANGUAGES:
            private = BotCommandScopeAllPrivateChats()
            yield self._menu("private", USER_COMMANDS, private, language, code)
            groups = BotCommandScopeAllGroupChats()
            yield self._menu("groups", USER_COMMANDS, groups, language, code)
            for admin in admins:
                commands = USER_COMMANDS + ADMIN_COMMANDS
                scope = BotCommandScopeChat(admin)
                yield self._menu(f"admin.{admin}", commands, scope, language, code)
            yield self._description("about", language, code)
            yield self._description("about_short", language, code)

    def _menu(
        self,
        name: str,
        commands: tuple[Command, ...],
        scope: BotCommandScope,
        language: str,
        code: str | None,
    ) -> _Setting:
        content = [(command.value, say(f"command_{command}", language)) for command in commands]

        async def apply() -> bool:
            shown = [BotCommand(command, description) for command, description in content]
            return await self._bot.set_my_commands(shown, scope, code)

        return _Setting(self._name(name, language), content, apply)

    def _description(self, key: str, language: str, code: str | None) -> _Setting:
        content = say(key, language)

        async def apply() -> bool:
            if key == "about":
                return await self._bot.set_my_description(content, code)
            return await self._bot.set_my_short_description(content, code)

        return _Setting(self._name(key, language), content, apply)

    def _name(self, what: str, language: str) -> str:
        return f"{self._bot.id}.{what}.{language}"  # another token means another bot

    def _is_admin_menu(self, name: str) -> bool:
        return name.startswith(f"{self._bot.id}.admin.")

    def _removal(self, name: str) -> Callable[[], Coroutine[Any, Any, bool]]:
        _, _, admin, language = name.split(".")

        async def apply() -> bool:
            code = dict(_LANGUAGES).get(language)
            return await self._bot.delete_my_commands(BotCommandScopeChat(int(admin)), code)

        return apply
