"""Application commands: validation, visibility and localized names.

https://docs.discord.com/developers/interactions/application-commands"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from tests.fakes.discord.people import Context, Guild, Permission, Place, User
from tests.fakes.discord.snowflakes import snowflake
from tests.fakes.discord.strictness import Form, Json, Refusal

LOCALES = frozenset(
    "bg cs da de el en-GB en-US es-419 es-ES fi fr hi hr hu id it ja ko lt nl no pl pt-BR ro ru "
    "sv-SE th tr uk vi zh-CN zh-TW".split()
)
# Fallback locales, tried before the default name.
_NEAREST = {"en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES"}
_NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")
_CHARACTERS = 8000


class CommandType(IntEnum):
    """Types of commands."""

    SLASH = 1
    USER = 2
    MESSAGE = 3


_MOST = {CommandType.SLASH: 100, CommandType.USER: 15, CommandType.MESSAGE: 15}


class OptionType(IntEnum):
    """Types of options."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


def localized(named: Json, key: str, locale: str) -> str:
    """The name or description that a user with `locale` sees."""
    texts = named.get(f"{key}_localizations") or {}
    text = texts.get(locale) or texts.get(_NEAREST.get(locale, "")) or named[key]
    return str(text)


def names_of(named: Json, locale: str) -> set[str]:
    """The canonical name and the localized one."""
    return {named["name"], localized(named, "name", locale)}


@dataclass
class Command:
    """A registered command."""

    body: Json
    guild: Guild | None = None

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def type(self) -> CommandType:
        return CommandType(self.body["type"])

    @property
    def contexts(self) -> set[int]:
        """Contexts that permit the command; only the guild for a guild command."""
        if self.guild is not None:
            return {Context.GUILD}
        if self.body["contexts"] is None:
            return set(Context)
        return set(self.body["contexts"])

    @property
    def installs(self) -> set[int]:
        """Integration types: 0 for a guild install, 1 for a user install."""
        return {0} if self.guild is not None else set(self.body["integration_types"])

    def owners(self, user: User, place: Place) -> dict[str, str]:
        """The authorizing integration owners for this use; empty if it is not permitted."""
        if place.context not in self.contexts or (self.guild or place.guild) is not place.guild:
            return {}
        return {k: v for k, v in installations(user, place).items() if int(k) in self.installs}

    def visible_to(self, user: User, place: Place) -> bool:
        """Whether the client offers the command to the user there."""
        if not place.visible_to(user) or not self.owners(user, place):
            return False
        if place.guild is None:
            return True
        wanted = self.body["default_member_permissions"]
        granted = place.permissions(user)
        # "0" means administrators only.
        enough = wanted is None or granted.include(int(wanted) or Permission.ADMINISTRATOR)
        return enough and granted.include(Permission.USE_APPLICATION_COMMANDS)


def installations(user: User, place: Place) -> dict[str, str]:
    """The installations from which this user's interactions there can come."""
    owners: dict[str, str] = {}
    if place.guild is not None and place.guild.bot is not None:
        owners["0"] = place.guild.id
    if place.context is Context.BOT_DM:
        owners["0"] = "0"
    if user.installed:
        owners["1"] = user.id
    return owners


@dataclass
class Commands:
    """Registered commands, global (None) and by guild, and the times of overwrites."""

    application: str
    registered: dict[Guild | None, list[Command]] = field(default_factory=dict)
    syncs: list[tuple[float, Guild | None]] = field(default_factory=list)

    def of(self, guild: Guild | None) -> list[Command]:
        """The commands of one scope."""
        return self.registered.get(guild, [])

    def everywhere(self) -> list[Command]:
        """The commands of all scopes."""
        return [command for commands in self.registered.values() for command in commands]

    def overwrite(self, bodies: list[Json], guild: Guild | None) -> list[Command]:
        """Replace the commands of a scope."""
        self.syncs.append((time.monotonic(), guild))
        form = Form()
        for number, body in enumerate(bodies):
            check_command(form, body, f"{number}.")
        _check_distinct(form, bodies)
        for kind, most in _MOST.items():
            if sum(body.get("type", 1) == kind for body in bodies) > most:
                raise Refusal(400, 30032, f"Maximum number of commands reached ({most})")
        form.refuse()
        self.registered[guild] = [self._register(body, guild) for body in bodies]
        return self.of(guild)

    def upsert(self, body: Json, guild: Guild | None) -> Command:
        """Register one command; replaces one of the same name and type."""
        form = Form()
        check_command(form, body, "")
        form.refuse()
        command = self._register(body, guild)
        others = [c for c in self.of(guild) if c.body["id"] != command.body["id"]]
        form = Form()
        _check_distinct(form, [*(c.body for c in others), body])
        form.refuse()
        self.registered[guild] = [*others, command]
        return command

    def find(self, command_id: str, guild: Guild | None) -> Command:
        """A command by id."""
        for command in self.of(guild):
            if command.body["id"] == command_id:
                return command
        raise Refusal(404, 10063, "Unknown application command")

    def remove(self, command: Command) -> None:
        """Remove a command."""
        self.registered[command.guild].remove(command)

    def shown_twice(self) -> list[str]:
        """Names registered both globally and in a guild, which users see twice."""
        own = {(c.type, c.name) for c in self.of(None)}
        return [c.name for c in self.everywhere() if c.guild and (c.type, c.name) in own]

    def _register(self, body: Json, guild: Guild | None) -> Command:
        kind = body.get("type", 1)
        known = [c for c in self.of(guild) if (c.type, c.name) == (kind, body["name"])]
        defaults: Json = {
            "type": kind,
            "description": "",
            "default_member_permissions": None,
            "nsfw": False,
            "contexts": None,
            "integration_types": [0],
            "name_localizations": None,
            "description_localizations": None,
        }
        given = {key: value for key, value in body.items() if value is not None}
        identity: Json = {
            "id": known[0].body["id"] if known else snowflake(),
            "application_id": self.application,
            "version": snowflake(),
        }
        if guild is not None:
            identity["guild_id"] = guild.id
        return Command(defaults | given | identity, guild)


def check_command(form: Form, body: Json, path: str) -> None:
    """Validate a command for registration."""
    kind = body.get("type", 1)
    if kind not in set(CommandType):
        form.wrong(f"{path}type", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3).")
        return
    slash = kind == CommandType.SLASH
    _check_names(form, body, path, lower=slash)
    if slash:
        _check_descriptions(form, body, path)
    elif body.get("description") or body.get("options"):
        told = "Context menu commands cannot have description or options"
        form.wrong(f"{path}description", "APPLICATION_COMMAND_CONTEXT_MENU_INVALID", told)
    _check_options(form, body.get("options") or [], f"{path}options")
    if (size := _characters(body)) > _CHARACTERS:
        told = f"Command exceeds maximum size ({_CHARACTERS}), it is {size}"
        form.wrong(path.rstrip(".") or "_", "APPLICATION_COMMAND_TOO_LARGE", told)
    for name, allowed in (("contexts", set(Context)), ("integration_types", {0, 1})):
        values = body.get(name)
        if values is not None and (not set(values) <= allowed or not values):
            form.wrong(
                f"{path}{name}", "BASE_TYPE_CHOICES", f"Values must be of {sorted(allowed)}."
            )
    permissions = body.get("default_member_permissions")
    if permissions is not None and not str(permissions).isdigit():
        told = "Must be a number in a string."
        form.wrong(f"{path}default_member_permissions", "BASE_TYPE_BAD_INT", told)


def _check_distinct(form: Form, bodies: list[Json]) -> None:
    """Names must be unique per type in every locale."""
    for kind in CommandType:
        alike = [body for body in bodies if body.get("type", 1) == kind]
        for locale in _repeated(alike):
            told = f"Application command names must be unique ({kind.name}, {locale})"
            form.wrong("_", "APPLICATION_COMMANDS_DUPLICATE_NAME", told)


def _repeated(named: list[Json]) -> Iterator[str]:
    for locale in sorted(LOCALES):
        names = [localized(each, "name", locale) for each in named if "name" in each]
        if len(set(names)) < len(names):
            yield locale


def _check_names(form: Form, named: Json, path: str, *, lower: bool) -> None:
    for here, name in _texts(form, named, "name", path):
        form.length(here, name, 1, 32)
        if not isinstance(name, str):
            continue
        if lower and (not _NAME.fullmatch(name) or name != name.lower()):
            told = "Command name is invalid"
            form.wrong(here, "APPLICATION_COMMAND_INVALID_NAME", told)
        if name != name.strip():
            form.wrong(here, "APPLICATION_COMMAND_INVALID_NAME", "Spaces at the edges")


def _check_descriptions(form: Form, named: Json, path: str) -> None:
    for here, description in _texts(form, named, "description", path):
        form.length(here, description, 1, 100)


def _texts(form: Form, named: Json, key: str, path: str) -> Iterator[tuple[str, object]]:
    """A text and its localizations, each with its path."""
    yield f"{path}{key}", named.get(key)
    for locale, text in (named.get(f"{key}_localizations") or {}).items():
        here = f"{path}{key}_localizations.{locale}"
        if locale not in LOCALES:
            form.wrong(here, "DICT_TYPE_KEY_ENUM_TYPE_CHOICES", f"{locale} is no locale of Discord")
        yield here, text


def _check_options(form: Form, options: list[Json], path: str) -> None:
    form.at_most(path, options, 25)
    for locale in _repeated(options):
        told = f"Option names must be unique ({locale})"
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", told)
    optional_seen = False
    for number, option in enumerate(options):
        here = f"{path}.{number}."
        _check_names(form, option, here, lower=True)
        _check_descriptions(form, option, here)
        kind = option.get("type")
        if kind not in set(OptionType):
            form.wrong(f"{here}type", "BASE_TYPE_CHOICES", f"There is no type {kind}.")
        elif kind in (OptionType.SUBCOMMAND, OptionType.GROUP):
            _check_options(form, option.get("options") or [], f"{here}options")
            continue
        if option.get("required") and optional_seen:
            told = "Required options must be placed before non-required options"
            form.wrong(here.rstrip("."), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", told)
        optional_seen |= not option.get("required")
        _check_values(form, option, here)


def _check_values(form: Form, option: Json, path: str) -> None:
    choices = option.get("choices") or []
    form.at_most(f"{path}choices", choices, 25)
    if choices and option.get("autocomplete"):
        told = "Autocomplete and choices are mutually exclusive"
        form.wrong(path.rstrip("."), "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", told)
    for number, choice in enumerate(choices):
        check_choice(form, choice, f"{path}choices.{number}")
    least, most = option.get("min_length"), option.get("max_length")
    if least is not None and not 0 <= least <= 6000:
        form.wrong(f"{path}min_length", "NUMBER_TYPE_MAX", "Must be of 0 to 6000.")
    if most is not None and not max(1, least or 0) <= most <= 6000:
        form.wrong(f"{path}max_length", "NUMBER_TYPE_MAX", "Must be of 1 to 6000.")


def check_choice(form: Form, choice: Json, path: str) -> None:
    """Validate a choice of an option or an autocompletion."""
    for here, name in _texts(form, choice, "name", f"{path}."):
        form.length(here, name, 1, 100)
    value = choice.get("value")
    if isinstance(value, str):
        form.length(f"{path}.value", value, 0, 100)
    elif not isinstance(value, int | float):
        form.wrong(f"{path}.value", "BASE_TYPE_REQUIRED", "This field is required")


def _characters(named: Json) -> int:
    """The size of a command for the limit: the longest localization of every text."""
    total = len(str(named.get("value", "")))
    for key in ("name", "description"):
        texts = [named.get(key) or "", *(named.get(f"{key}_localizations") or {}).values()]
        total += max(len(str(text)) for text in texts)
    inside: Iterable[Json] = [*(named.get("options") or []), *(named.get("choices") or [])]
    return total + sum(_characters(each) for each in inside)
