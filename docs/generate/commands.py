"""The chats' commands, options, menus and buttons as Markdown tables in English, from the
definitions that the platforms receive."""

from __future__ import annotations

from typing import Any

from discord import AppCommandOptionType
from discord.app_commands import Parameter

from bot.adapters.discord import admin_commands as admin
from bot.adapters.discord.commands import COMMANDS
from bot.admin.commands import ADMIN_COMMANDS, Command
from bot.texts import ENGLISH, SPANISH, say
from training.ladder.markdown import header, row

_ON_DISCORD = {command.name: command for command in (*COMMANDS, *admin.ADMIN_COMMANDS)}
_ON_TELEGRAM = tuple(Command)
_FOR_ADMINS = frozenset(ADMIN_COMMANDS)
_MENUS = ("menu_continue", "menu_info")
_BUTTONS = (
    "button_continue",
    "button_again",
    "button_endings",
    "button_card",
    "button_delete",
)


def chat_commands() -> tuple[str, ...]:
    """Every chat command by its Spanish name, those of admins last."""
    names = dict.fromkeys((*_ON_DISCORD, *_ON_TELEGRAM))
    return tuple(sorted(names, key=lambda name: name in _FOR_ADMINS))


def commands() -> str:
    """The commands, and where each of them is."""
    lines = [
        *header(("command", "on Discord in English", "on Telegram", "what the bot says of it"))
    ]
    for name in chat_commands():
        english = f"`/{say(f'name_{name}', ENGLISH)}`" if name in _ON_DISCORD else "—"
        there = "yes" if name in _ON_TELEGRAM else "—"
        does = say(f"command_{name}", ENGLISH)
        if name in _FOR_ADMINS:
            does += " (admins)"
        lines.append(row((f"`/{name}`", english, there, does)))
    return "\n".join(lines) + "\n"


def options() -> str:
    """The options of Discord's commands."""
    lines = [*header(("option", "in English", "values", "what the bot says of it"))]
    for command in _ON_DISCORD.values():
        for option in command.parameters:
            name = str(option.display_name)
            english = say(f"name_{name}", ENGLISH)
            what = say(f"option_{name}", ENGLISH)
            lines.append(row((f"`/{command.name} {name}`", f"`{english}`", _values(option), what)))
    return "\n".join(lines) + "\n"


def labels() -> str:
    """What menus and buttons are called."""
    lines = [*header(("where", "in Spanish", "in English"))]
    for place, keys in (("menu of a message on Discord", _MENUS), ("button", _BUTTONS)):
        lines += [row((place, say(key, SPANISH), say(key, ENGLISH))) for key in keys]
    return "\n".join(lines) + "\n"


def _values(option: Parameter) -> str:
    match option.type:
        case AppCommandOptionType.boolean:
            values = "yes or no"
        case AppCommandOptionType.string:
            values = f"{option.min_value} to {option.max_value} characters"
        case _:
            values = f"{_plain(option.min_value)} to {_plain(option.max_value)}"
    return f"{values}; required" if option.required else values


def _plain(number: Any) -> str:
    return str(int(number)) if number == int(number) else str(number)
