"""Registration of the commands with Discord, only when they have changed.

Discord limits the number of commands created in a day, and global changes take a while to reach
users. The store remembers a hash of the registered commands for each scope.
https://docs.discord.com/developers/interactions/application-commands#registering-a-command
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Collection
from typing import Any

import discord
from discord import app_commands

from bot.net.backoff import Backoff
from bot.store import Store

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0
_MEMORY = "discord_commands"
GLOBAL = "global"

Tree = app_commands.CommandTree[Any]


async def keep_synced(tree: Tree, guilds: Collection[int], store: Store, application: str) -> None:
    """Register changed commands, globally and in these servers, and retry until Discord accepts
    them."""
    backoff = Backoff(FIRST_DELAY, LONGEST_DELAY)
    while True:
        if await _sync(tree, guilds, store, application):
            return
        await asyncio.sleep(backoff.next())


async def _sync(tree: Tree, guilds: Collection[int], store: Store, application: str) -> bool:
    """Try every scope once; whether all are registered."""
    known = _remembered(store, application)
    # A server that is no longer configured has no commands in the tree, which clears it.
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
        except Exception as error:  # noqa: BLE001 (retried)
            reason = " ".join(str(error).split())
            log.warning("commands (%s) are not registered: %s", scope, reason[:200])
            complete = False
            continue
        log.info("%d commands registered (%s)", len(payload), scope)
        known[scope] = digest
        await store.remember(_MEMORY, {"application": application, "scopes": dict(known)})
    return complete


async def _payload(tree: Tree, guild: discord.Object | None) -> list[dict[str, Any]]:
    """The payload of `tree.sync`, in a stable order."""
    translator = tree.translator
    commands = sorted(tree.get_commands(guild=guild), key=lambda each: (each.name, str(each)))
    if translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, translator) for command in commands]


def _remembered(store: Store, application: str) -> dict[str, str]:
    memory = store.recall(_MEMORY)
    if isinstance(memory, dict) and memory.get("application") == application:
        return dict(memory.get("scopes", {}))
    return {}
