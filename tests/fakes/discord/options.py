"""Command options as the client accepts and sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.fakes.discord.commands import Command, OptionType, names_of
from tests.fakes.discord.people import Place, Role, User
from tests.fakes.discord.strictness import ClientRefused, Json

_SAFE = 2**53


@dataclass
class Filled:
    """The options as sent, and the resolved users, channels and messages."""

    options: list[Json]
    resolved: Json


def descend(command: Command, path: list[str], locale: str) -> tuple[list[Json], list[Json]]:
    """The chain of subcommands for `path`, and the options of the last one."""
    chain: list[Json] = []
    options: list[Json] = command.body.get("options") or []
    for name in path:
        found = [o for o in options if o["type"] in (1, 2) and name in names_of(o, locale)]
        if not found:
            raise ClientRefused(f"/{command.name} has no subcommand {name}")
        chain.append(found[0])
        options = found[0].get("options") or []
    if any(option["type"] in (1, 2) for option in options):
        raise ClientRefused(f"/{command.name} is only a group of subcommands")
    return chain, options


def fill(command: Command, path: list[str], given: dict[str, Any], user: User) -> Filled:
    """Fill in a command; refuses values that a client does not send."""
    chain, options = descend(command, path, user.locale)
    resolved: Json = {}
    values: list[Json] = []
    rest = dict(given)
    for option in options:
        names = names_of(option, user.locale) & rest.keys()
        if names:
            raw = rest.pop(names.pop())
            values.append(_named(option) | {"value": _value(option, raw, user, resolved)})
        elif option.get("required"):
            raise ClientRefused(f"/{command.name} requires {option['name']}")
    if rest:
        raise ClientRefused(f"/{command.name} has no option {', '.join(rest)}")
    return Filled(_nest(chain, values), resolved)


def half_fill(
    command: Command, path: list[str], typed: str, partial: str, given: dict[str, Any], user: User
) -> Filled:
    """The options while a user types `partial` into the option `typed`."""
    chain, options = descend(command, path, user.locale)
    resolved: Json = {}
    values: list[Json] = []
    for option in options:
        names = names_of(option, user.locale)
        if typed in names:
            if not option.get("autocomplete"):
                raise ClientRefused(f"{typed} has no autocompletion")
            values.append(_named(option) | {"value": partial, "focused": True})
        elif names & given.keys():
            raw = given[(names & given.keys()).pop()]
            values.append(_named(option) | {"value": _value(option, raw, user, resolved)})
    if not any(value.get("focused") for value in values):
        raise ClientRefused(f"/{command.name} has no option {typed}")
    return Filled(_nest(chain, values), resolved)


def _named(option: Json) -> Json:
    return {"name": option["name"], "type": option["type"]}


def _nest(chain: list[Json], values: list[Json]) -> list[Json]:
    for subcommand in reversed(chain):
        values = [_named(subcommand) | {"options": values}]
    return values


def _value(option: Json, raw: Any, user: User, resolved: Json) -> Any:
    name, kind = option["name"], OptionType(option["type"])
    for choice in option.get("choices") or []:
        if raw == choice["value"] or raw in names_of(choice, user.locale):
            return choice["value"]
    if option.get("choices"):
        raise ClientRefused(f"{raw!r} is not a choice of {name}")
    if kind is OptionType.STRING:
        return _string(option, raw)
    if kind in (OptionType.INTEGER, OptionType.NUMBER):
        return _number(option, kind, raw)
    if kind is OptionType.BOOLEAN and isinstance(raw, bool):
        return raw
    groups: dict[type[User | Place | Role], str] = {User: "users", Place: "channels", Role: "roles"}
    for wanted, group in groups.items():
        if isinstance(raw, wanted) and kind.name in (group[:-1].upper(), "MENTIONABLE"):
            payload = raw.payload(user) if isinstance(raw, Place) else raw.payload()
            resolved.setdefault(group, {})[raw.id] = payload
            return raw.id
    raise ClientRefused(f"{raw!r} cannot be given for {name}, which is a {kind.name.lower()}")


def _string(option: Json, raw: Any) -> str:
    least, most = option.get("min_length") or 1, option.get("max_length") or 6000
    if not isinstance(raw, str) or not least <= len(raw) <= most:
        raise ClientRefused(f"{option['name']} takes {least} to {most} characters, not {raw!r}")
    return raw


def _number(option: Json, kind: OptionType, raw: Any) -> float:
    wanted = int if kind is OptionType.INTEGER else int | float
    least, most = option.get("min_value", -_SAFE), option.get("max_value", _SAFE)
    if isinstance(raw, bool) or not isinstance(raw, wanted) or not least <= raw <= most:
        raise ClientRefused(f"{option['name']} takes a number of {least} to {most}, not {raw!r}")
    return raw
