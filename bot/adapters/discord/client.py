"""One session of one connection to Discord: login, gateway, commands and buttons.

discord.py reconnects and resumes by itself; a client's life ends with its session, or with what the
library does not recover from. A closed client cannot be used again, so every life has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.adapters.discord.admin_commands import ADMIN_COMMANDS
from bot.adapters.discord.buttons import AnswerButton, StrangeButton
from bot.adapters.discord.commands import COMMANDS
from bot.adapters.discord.localization import Texts
from bot.adapters.discord.menus import MENUS
from bot.adapters.discord.problems import report
from bot.adapters.discord.sync import keep_synced
from bot.context import Core
from bot.net.keepalive import open_socket
from bot.net.tasks import TaskSet
from bot.requests.connection import Line
from bot.settings.settings import Settings
from model.errors import LitteraError

if TYPE_CHECKING:
    from bot.adapters.discord.adapter import Discord
    from bot.adapters.discord.layout import Layout
    from bot.adapters.discord.starts import Starts, Turn
    from bot.requests.job import Job

log = logging.getLogger(__name__)

# Discord waits for three seconds; whoever cannot claim in this time answers all the same.
CLAIM_SECONDS = 0.5

# The library's warnings about voice, and about caches that need the guilds intent: we use neither.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
logging.getLogger("discord.state").addFilter(
    lambda record: not str(record.msg).startswith("Guilds intent")
)


@contextlib.contextmanager
def endpoints(settings: Settings) -> Iterator[None]:
    """Where discord.py finds Discord, as the settings say, for as long as this lasts: the library
    knows its addresses by class attributes only."""
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
    """Discord has forgotten the session; another one is another client's."""


class LitteraClient(discord.Client):
    """The connection, and what commands and buttons need of the rest of the program."""

    def __init__(self, adapter: Discord, layout: Layout, number: int) -> None:
        super().__init__(
            # Interactions come whatever the intents, and nothing else is of interest.
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=adapter.trace,
            connector=aiohttp.TCPConnector(limit=0, socket_factory=open_socket),
            shard_id=number if layout.sharded else None,
            shard_count=layout.count if layout.sharded else None,
        )
        self.adapter = adapter
        self.tree = Tree(self)
        self._layout, self._number = layout, number
        self._turn: Turn | None = None
        self._starts: Starts | None = None
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
    def core(self) -> Core:
        """The parts behind the platforms."""
        return self.adapter.core

    @property
    def _line(self) -> Line:
        return self.adapter.connection.lines[self._number]

    def begin(self, job: Job) -> None:
        """Have a job served, whatever becomes of this connection."""
        self.adapter.begin(job)

    async def serve(self, token: str, starts: Starts) -> None:
        """Log in, wait for the turn, connect, and serve until the session is over. Raises
        SessionOverError, RefusedError, and what discord.py raises."""
        async with starts.logins:
            await self.login(token)
        turn = await starts.turn(self._number)
        self._starts, self._turn = starts, turn
        try:
            await self.connect()
        finally:
            turn.leave()

    async def setup_hook(self) -> None:
        """Between login and connection."""
        self.adapter.session().headers["User-Agent"] = self.http.user_agent
        guilds = add_commands(self.tree, self.core.settings)
        await self.tree.set_translator(Texts())
        self.add_dynamic_items(AnswerButton, StrangeButton)
        await self.core.service.recover(self.adapter)
        if self._number == 0:  # commands are registered once, by whoever has the first shard
            self._syncing = asyncio.create_task(
                keep_synced(self.tree, guilds, self.core.store, str(self.application_id)),
                name="command sync",
            )

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """A session begins. A second one would need another turn, which discord.py, who has
        connected already, could not wait for."""
        if self._turn is None:
            raise SessionOverError
        self._turn.identified()
        self._turn = None

    async def close(self) -> None:
        """End this life."""
        if self._syncing is not None:
            self._syncing.cancel()
        await super().close()

    async def on_connect(self) -> None:
        """READY has come."""
        if self._starts is not None:
            self._starts.settled(self._number)
        self._line.note(True)
        log.info("connected to Discord as %s", self.user)

    async def on_resumed(self) -> None:
        """The session goes on after a break."""
        self._line.note(True)
        log.info("connected again; nothing was missed")

    async def on_disconnect(self) -> None:
        """The gateway is gone; discord.py goes after it, and says so at every try."""
        if self._line.up:
            log.info("the connection was lost")
        self._line.note(False)

    def _claiming(self, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A parser of interactions that leaves those to other processes which they have claimed:
        Discord tells every connection of a shard of each."""
        coordinator = self.core.store.coordinator

        async def claim(data: dict[str, Any]) -> None:
            claimed = asyncio.create_task(coordinator.claim(self.adapter.name, str(data["id"])))
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
        """Something failed in a listener."""
        log.exception("failed in %s", event_method)

    def _measured(self) -> float:
        return self.latency if math.isfinite(self.latency) else math.nan

    def _without_servers(self, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """READY names every server, and discord.py would keep an object for each of them. We need
        none: what an interaction brings is enough."""

        def parsed(data: Any) -> None:
            self._line.servers = len(data["guilds"])
            parse(data | {"guilds": []})

        return parsed


class Tree(app_commands.CommandTree[LitteraClient]):
    """The commands; whatever one of them raises is told to whoever used it."""

    async def on_error(
        self,
        interaction: discord.Interaction[LitteraClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """A command failed, or is not known (any more)."""
        await report(interaction, error)


def add_commands(tree: Tree, settings: Settings) -> set[int]:
    """Put every command where it belongs: in the named servers only, or else everywhere, never
    both, or people would see it twice; admins' commands in the admins' server, if there is one.
    The servers that now have commands of their own."""
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
    """A parser that survives an event it cannot read: discord.py would end the connection."""
    if event in ("READY", "RESUMED"):  # without these there is none
        return parse

    def guarded(data: Any) -> None:
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001 (whatever was wrong with it)
            log.warning("a %s event cannot be read (%s)", event, type(error).__name__)

    return guarded
