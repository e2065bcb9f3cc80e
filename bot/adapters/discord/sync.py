"""Registering the commands with Discord, when they have changed and not at every start.

Discord limits how many commands may be created a day, and shows a global change to people only
after a while; what was registered last is remembered as a hash for each scope.
https://docs.discord.com/developers/interactions/application-commands#registering-a-command
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Collection
from typing import Any

import discord
from discord import app_commands

from bot.state import State

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0
_MEMORY = "discord_commands"
GLOBAL = "global"

Tree = app_commands.CommandTree[Any]


async def keep_synced(tree: Tree, guilds: Collection[int], state: State, application: str) -> None:
    """Register what has changed, everywhere and in these servers, and try again until Discord has
    taken it; serving goes on meanwhile."""
    delay = FIRST_DELAY
    while not await _sync(tree, guilds, state, application):
        await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)
        delay = min(2 * delay, LONGEST_DELAY)


async def _sync(tree: Tree, guilds: Collection[int], state: State, application: str) -> bool:
    """One try over all scopes; whether Discord now knows all of them."""
    known = _remembered(state, application)
    # A server that is not named any more has no commands of ours, which clears it.
    scopes = {GLOBAL, *known, *map(str, guilds)}
    complete = True
    for scope in sorted(scopes):
        guild = None if scope == GLOBAL else discord.Object(int(scope))
        payload = await _payload(tree, guild)
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        if known.get(scope) == digest:
            continue
        try:
            await tree.sync(guild=guild)
        except Exception as error:  # noqa: BLE001 (whatever it is, serving goes on)
            told = " ".join(str(error).split())
            log.warning("commands (%s) are not registered: %s", scope, told[:200])
            complete = False
            continue
        log.info("%d commands registered (%s)", len(payload), scope)
        known[scope] = digest
        state.remember(_MEMORY, {"application": application, "scopes": dict(known)})
    return complete


async def _payload(tree: Tree, guild: discord.Object | None) -> list[dict[str, Any]]:
    """What `tree.sync` sends, in an order that does not change."""
    translator = tree.translator
    commands = sorted(tree.get_commands(guild=guild), key=lambda each: (each.name, str(each)))
    if translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, translator) for command in commands]


def _remembered(state: State, application: str) -> dict[str, str]:
    memory = state.recall(_MEMORY)
    if isinstance(memory, dict) and memory.get("application") == application:
        return dict(memory.get("scopes", {}))
    return {}
