"""Methods about the bot itself: identity, commands by scope, descriptions."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.telegram.chats import ADMINISTRATORS, Chat, User
from tests.fakes.telegram.errors import bad_request
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.world import World

Scope = tuple[str, int, int]  # type, chat id or 0, user id or 0
Commands = list[dict[str, Any]]

_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
MAX_COMMANDS = 100
_LENGTHS = {"description": 512, "short_description": 120, "name": 64}


class Profile:
    """The bot's own data. Methods are Bot API methods in snake case."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[tuple[Scope, str], Commands] = {}
        self.texts: dict[tuple[str, str], str] = {}  # text by (field, language)

    async def get_me(self, parameters: Parameters) -> dict[str, Any]:
        features = self._world.features
        return self._world.bot.to_api() | {
            "can_join_groups": features.can_join_groups,
            "can_read_all_group_messages": features.can_read_all_group_messages,
            "supports_inline_queries": features.supports_inline_queries,
            "supports_guest_queries": features.supports_guest_queries,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def set_my_commands(self, parameters: Parameters) -> bool:
        commands = parameters.structure("commands") or []
        if not isinstance(commands, list):
            raise bad_request("can't parse commands: expected an Array")
        if len(commands) > MAX_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        key = self._key(parameters)
        self._commands[key] = [_command(command) for command in commands]
        if not commands:
            del self._commands[key]
        self._world.changes.happened()
        return True

    async def get_my_commands(self, parameters: Parameters) -> Commands:
        return self._commands.get(self._key(parameters), [])

    async def delete_my_commands(self, parameters: Parameters) -> bool:
        self._commands.pop(self._key(parameters), None)
        return True

    async def set_my_description(self, parameters: Parameters) -> bool:
        return self._set_text("description", parameters)

    async def set_my_short_description(self, parameters: Parameters) -> bool:
        return self._set_text("short_description", parameters)

    async def set_my_name(self, parameters: Parameters) -> bool:
        return self._set_text("name", parameters)

    async def get_my_description(self, parameters: Parameters) -> dict[str, str]:
        return self._text("description", parameters)

    async def get_my_short_description(self, parameters: Parameters) -> dict[str, str]:
        return self._text("short_description", parameters)

    async def get_my_name(self, parameters: Parameters) -> dict[str, str]:
        return self._text("name", parameters)

    def commands_for(self, user: User, chat: Chat, language: str) -> Commands:
        """The user's menu there, by the algorithm in the documentation of BotCommandScope: the
        narrowest scope with a list, first in the user's language."""
        scopes: list[Scope] = [("chat", chat.id, 0), ("all_private_chats", 0, 0)]
        if chat.type != "private":
            boss = chat.status(user) in ADMINISTRATORS
            scopes = [
                ("chat_member", chat.id, user.id),
                *([("chat_administrators", chat.id, 0)] if boss else []),
                ("chat", chat.id, 0),
                *([("all_chat_administrators", 0, 0)] if boss else []),
                ("all_group_chats", 0, 0),
            ]
        for scope in [*scopes, ("default", 0, 0)]:
            for code in (language, ""):
                if (scope, code) in self._commands:
                    return self._commands[scope, code]
        return []

    def _key(self, parameters: Parameters) -> tuple[Scope, str]:
        scope = parameters.structure("scope") or {"type": "default"}
        kind = scope.get("type") if isinstance(scope, dict) else None
        if kind not in _SCOPES:
            raise bad_request(f"can't parse BotCommandScope: unsupported type {kind!r}")
        chat_id, user_id = 0, 0
        if "chat_id" in _SCOPES[kind]:
            chat_id = int(scope.get("chat_id", 0))
            chat = self._world.chats.get(chat_id)
            if chat is None or chat.status(self._world.bot) == "left":
                # A future admin may not have started the bot yet.
                raise bad_request("chat not found", offence=False)
        if "user_id" in _SCOPES[kind]:
            user_id = int(scope.get("user_id", 0))
            if user_id not in self._world.users:
                raise bad_request("user not found")
        return (kind, chat_id, user_id), _language(parameters)

    def _set_text(self, field: str, parameters: Parameters) -> bool:
        text = parameters.text(field)
        if len(text) > _LENGTHS[field]:
            raise bad_request(f"{field.upper()}_TOO_LONG")
        self.texts[field, _language(parameters)] = text
        return True

    def _text(self, field: str, parameters: Parameters) -> dict[str, str]:
        fallback = self.texts.get((field, ""), "")
        return {field: self.texts.get((field, _language(parameters)), "") or fallback}


def _language(parameters: Parameters) -> str:
    code = parameters.text("language_code")
    if not re.fullmatch(r"([a-z]{2})?", code):
        raise bad_request("invalid language code specified")
    return code


def _command(command: Any) -> dict[str, Any]:
    if not isinstance(command, dict) or "command" not in command or "description" not in command:
        raise bad_request("can't parse BotCommand: Can't find field \"command\"")
    if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command["command"])):
        raise bad_request("BOT_COMMAND_INVALID")
    if not command["description"]:
        raise bad_request("command description must be non-empty")
    if len(str(command["description"])) > 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return command
