"""A Discord client: login, gateway, commands and buttons.

discord.py reconnects and resumes by itself. A client ends with its session, or with an error that
the library does not recover from. A closed client cannot be reused, so every session has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.adapters.discord.admin_commands import ADMIN_COMMANDS
from bot.adapters.discord.buttons import AnswerButton, StrangeButton
from bot.adapters.discord.commands import COMMANDS
from bot.adapters.discord.identify_limiter import IdentifyLimiter, Turn
from bot.adapters.discord.interactions import Host, HostedClient, report
from bot.adapters.discord.localization import Texts
from bot.adapters.discord.menus import MENUS
from bot.adapters.discord.sharding import ShardAssignment
from bot.adapters.discord.sync import keep_synced
from bot.net.keepalive import open_socket
from bot.net.tasks import TaskSet
from bot.requests.connection import Line
from bot.settings.settings import Settings
from model.errors import LitteraError

log = logging.getLogger(__name__)

# Discord waits for three seconds. Without a claim in this time, the interaction is answered anyway.
CLAIM_SECONDS = 0.5

# Warnings about voice, and about caches that need the guilds intent. The bot uses neither.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
logging.getLogger("discord.state").addFilter(
    lambda record: not str(record.msg).startswith("Guilds intent")
)


@contextlib.contextmanager
def endpoints(settings: Settings) -> Iterator[None]:
    """Have discord.py use the configured addresses while the context is open; the library keeps
    them in class attributes."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if settings.discord_api_base is not None:
        Route.BASE = settings.discord_api_base
    if settings.discord_gateway_url is not None:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


class SessionOverError(LitteraError):
    """Discord has ended the session; the next one needs a new client."""


class LitteraClient(HostedClient):
    """The client of one shard's session."""

    def __init__(self, host: Host, assignment: ShardAssignment, number: int) -> None:
        super().__init__(
            host,
            # Interactions arrive without any intent.
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=host.trace,
            connector=aiohttp.TCPConnector(limit=0, socket_factory=open_socket),
            shard_id=number if assignment.sharded else None,
            shard_count=assignment.count if assignment.sharded else None,
        )
        self.tree = Tree(self)
        self._number = number
        self._turn: Turn | None = None
        self._limiter: IdentifyLimiter | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._claims = TaskSet()
        self._line.latency = self._measured
        parsers = {
            event: _guarded(event, parse) for event, parse in self._connection.parsers.items()
        }
        interaction = "INTERACTION_CREATE"
        self._connection.parsers = parsers | {
            "READY": self._without_servers(parsers["READY"]),
            interaction: self._claiming(parsers[interaction]),
        }

    @property
    def _line(self) -> Line:
        return self.host.connection.lines[self._number]

    async def serve(self, token: str, limiter: IdentifyLimiter) -> None:
        """Log in, wait for the turn, connect, and serve until the session ends. Raises
        SessionOverError, RefusedError, and the errors of discord.py."""
        async with limiter.logins:
            await self.login(token)
        turn = await limiter.turn(self._number)
        self._limiter, self._turn = limiter, turn
        try:
            await self.connect()
        finally:
            turn.leave()

    async def setup_hook(self) -> None:
        """Prepare after the login and before the connection."""
        self.host.session().headers["User-Agent"] = self.http.user_agent
        guilds = add_commands(self.tree, self.host.settings)
        await self.tree.set_translator(Texts())
        self.add_dynamic_items(AnswerButton, StrangeButton)
        await self.host.service.recover(self.host.platform)
        if self._number == 0:  # the first shard registers the commands
            self._syncing = asyncio.create_task(
                keep_synced(self.tree, guilds, self.host.store, str(self.application_id)),
                name="command sync",
            )

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Use up the turn before IDENTIFY. A second session would need another turn, for which
        discord.py, already connected, cannot wait."""
        if self._turn is None:
            raise SessionOverError
        self._turn.identified()
        self._turn = None

    async def close(self) -> None:
        """Close the connection and stop registering commands."""
        if self._syncing is not None:
            self._syncing.cancel()
        await super().close()

    async def on_connect(self) -> None:
        """Note that READY has arrived."""
        if self._limiter is not None:
            self._limiter.settled(self._number)
        self._line.note(True)
        log.info("connected to Discord as %s", self.user)

    async def on_resumed(self) -> None:
        """Note that the session was resumed."""
        self._line.note(True)
        log.info("connected again; nothing was missed")

    async def on_disconnect(self) -> None:
        """Note that the gateway is lost; discord.py reconnects and calls this at every try."""
        if self._line.up:
            log.info("the connection was lost")
        self._line.note(False)

    def _claiming(self, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A parser that skips interactions claimed by another process: Discord sends each one to
        every connection of a shard."""
        coordinator = self.host.store.coordinator

        async def claim(data: dict[str, Any]) -> None:
            claimed = asyncio.create_task(
                coordinator.claim(self.host.platform.name, str(data["id"]))
            )
            await asyncio.wait([claimed], timeout=CLAIM_SECONDS)
            if not claimed.done() or claimed.result():
                parse(data)

        def begin(data: Any) -> None:
            if not isinstance(data, dict) or "id" not in data:
                parse(data)
                return
            self._claims.start(claim(data))

        return begin

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log an error in a listener."""
        log.exception("failed in %s", event_method)

    def _measured(self) -> float:
        return self.latency if math.isfinite(self.latency) else math.nan

    def _without_servers(self, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A parser of READY that drops its servers, for each of which discord.py would keep an
        object; an interaction contains all that its answer needs."""

        def parsed(data: Any) -> None:
            self._line.servers = len(data["guilds"])
            parse(data | {"guilds": []})

        return parsed


class Tree(app_commands.CommandTree[HostedClient]):
    """The commands; the requester learns of every error."""

    async def on_error(
        self,
        interaction: discord.Interaction[HostedClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Report a failed or unknown command."""
        await report(interaction, error)


def add_commands(tree: Tree, settings: Settings) -> set[int]:
    """Add the commands to the configured servers or, without any, everywhere. Both would show each
    command twice. Admins' commands go to the admins' server if there is one.

    Returns the servers with commands of their own.
    """
    guilds = set(settings.discord_guild_ids)
    for command in (*COMMANDS, *MENUS):
        _add(tree, command, guilds)
    admin_guild = settings.discord_admin_guild_id
    admin_guilds = guilds if admin_guild is None else {admin_guild}
    for admin_command in ADMIN_COMMANDS:
        _add(tree, admin_command, admin_guilds)
    return guilds | admin_guilds


def _add(tree: Tree, command: Any, guilds: set[int]) -> None:
    if guilds:
        tree.add_command(command, guilds=[discord.Object(guild) for guild in sorted(guilds)])
    else:
        tree.add_command(command)


def _guarded(event: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A parser that skips malformed events, on which discord.py would close the connection."""
    if event in ("READY", "RESUMED"):  # essential for the connection
        return parse

    def guarded(data: Any) -> None:
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001 (of any kind)
            log.warning("a %s event cannot be read (%s)", event, type(error).__name__)

    return guarded
