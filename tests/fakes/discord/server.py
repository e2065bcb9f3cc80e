"""A strict Discord on a loopback socket: REST v10 and gateway, in the loop of the test.

async with FakeDiscord(token="secret") as discord:
    guild = discord.guild("La Mancha")
    general, ana = guild.channel("general"), guild.join(discord.user("Ana"))
    ...  # start the bot with discord.api_base and discord.gateway_url
    await discord.ready(10)
    asked = await discord.slash(ana, general, "escribe", frase="En un lugar")
    message = await asked.final(10)
assert discord.violations == []
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.fakes.discord.changes import Changes
from tests.fakes.discord.clients import Clients
from tests.fakes.discord.commands import Command, Commands
from tests.fakes.discord.faults import Faults
from tests.fakes.discord.gateway import Gateway, Intent, Session
from tests.fakes.discord.interactions import Interactions
from tests.fakes.discord.messages import Message
from tests.fakes.discord.people import Guild, Kind, Place, User
from tests.fakes.discord.rest import BASE, Call, Rest
from tests.fakes.discord.sharding import Shard
from tests.fakes.discord.snowflakes import snowflake
from tests.fakes.discord.strictness import Json

_HOST = "127.0.0.1"
_RESUME = "/resume/"


class FakeDiscord(Clients):
    """The fake server; see the module for its use.

    privileged: privileged intents that the application has enabled.
    violations: the client's offences, one sentence each; every test asserts that there are none."""

    def __init__(
        self,
        token: str = "MTIz.fake.token",  # noqa: S107 (no secret: this server knows no other)
        application_id: str | None = None,
        *,
        heartbeat_interval: float = 41.25,
        privileged: int = 0,
    ) -> None:
        self.token = token
        self.violations: list[str] = []
        self.faults = Faults()
        self.developer = User("Developer")
        # The developer portal's configuration, by field of the application object.
        self.portal: Json = {}
        # Recommended number of shards; by default one per thousand guilds.
        self.recommended_shards: int | None = None
        self.users: list[User] = [self.developer]
        self.guilds: list[Guild] = []
        self.places: list[Place] = []
        changes = Changes()
        bot = User("LitteraGPT", bot=True, id=application_id or snowflake())
        gateway = Gateway(
            changes=changes,
            violations=self.violations,
            valid=lambda given: given == token and not self.faults.token_revoked,
            ready=self._ready,
            greet=self._greet,
            revoke=self.revoke_token,
            servers=lambda shard: len(self._servers_of(shard)),
            heartbeat_interval=heartbeat_interval,
            privileged=privileged,
        )
        interactions = Interactions(bot, changes, self.violations, self.faults.have_struck)
        super().__init__(bot, Commands(bot.id), interactions, gateway, changes)
        self.rest = Rest(self)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=32 * 1024 * 1024)
        application.router.add_get("/", self.gateway.handle)
        application.router.add_get(_RESUME, self.gateway.handle)
        self.rest.add_to(application)
        # Do not wait for open responses at the end.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self.gateway.drop()
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    @property
    def api_base(self) -> str:
        """Base URL of the REST API."""
        return f"http://{_HOST}:{self._port}{BASE}"

    @property
    def gateway_url(self) -> str:
        """URL of the gateway."""
        return f"ws://{_HOST}:{self._port}/"

    async def refuse_connections(self, seconds: float) -> None:
        """Cut every connection, and refuse new ones for `seconds`."""
        assert self._server is not None
        self._server.close()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            connection.force_close()
            if connection.transport is not None:
                connection.transport.abort()

        async def reopen() -> None:
            await asyncio.sleep(seconds)
            await self._listen()

        self._reopening = asyncio.create_task(reopen())

    async def accept_connections(self) -> None:
        """End `refuse_connections` early."""
        if self._reopening is not None and not self._reopening.done():
            self._reopening.cancel()
            await self._listen()

    async def revoke_token(self) -> None:
        """Revoke the token: 401 for requests, close code 4004 for connections."""
        self.faults.token_revoked = True
        await self.gateway.close(4004)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._runner.server is not None
        self._server = await loop.create_server(self._runner.server, _HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def user(self, name: str, *, locale: str = "es-ES", installed: bool = False) -> User:
        """Create a user; `installed` if the user has installed the app."""
        user = User(name, locale, installed)
        self.users.append(user)
        return user

    def guild(
        self,
        name: str,
        *,
        owner: User | None = None,
        locale: str = "es-ES",
        with_bot: bool = True,
        shard: Shard | None = None,
    ) -> Guild:
        """Create a guild, if required one of `shard`. Without the bot, only users who installed the
        app can use it there."""
        bot = self.bot if with_bot else None
        guild = Guild(name, owner or self.user(f"Owner of {name}"), self._founded, locale, bot)
        while shard is not None and not shard.covers(guild.id):
            guild.id = str(int(guild.id) + (1 << 22))  # a millisecond later
        self.guilds.append(guild)
        if with_bot:
            self.gateway.post("GUILD_CREATE", guild.payload(), Intent.GUILDS, guild.id)
        return guild

    def dm(self, user: User) -> Place:
        """The direct message channel of a user and the bot."""
        for place in self.places:
            if place.kind is Kind.DM and set(place.people) == {user, self.bot}:
                return place
        return self._conversation(Kind.DM, "", user, self.bot)

    def private_dm(self, one: User, other: User) -> Place:
        """A direct message channel of two users, without the bot."""
        return self._conversation(Kind.DM, "", one, other)

    def group_dm(self, name: str, *people: User) -> Place:
        """A group direct message channel, without the bot."""
        return self._conversation(Kind.GROUP_DM, name, *people)

    def commands(self, guild: Guild | None = None) -> dict[str, Command]:
        """The registered commands of a scope by name."""
        return {command.name: command for command in self.registry.of(guild)}

    def calls(self, method: str = "*", route: str = "*") -> list[Call]:
        """The received requests, as in `calls("PATCH", "/webhooks/*")`."""
        return [
            call
            for call in self.rest.calls
            if method in ("*", call.method) and fnmatchcase(call.path, route)
        ]

    @property
    def sync_count(self) -> int:
        """The number of bulk overwrites of commands."""
        return len(self.registry.syncs)

    async def ready(self, seconds: float, shards: int = 1) -> Session:
        """Wait until the bot has identified this number of sessions; the first session."""
        sessions = await self.changes.until(
            lambda: listening if len(listening := self.gateway.listening) >= shards else None,
            seconds,
            lambda: f"{len(self.gateway.listening)} sessions",
        )
        return sessions[0]

    async def disconnected(self, seconds: float) -> None:
        """Wait until no gateway connection is open."""
        await self.changes.until(
            lambda: not self.gateway.connections, seconds, lambda: "still connected"
        )

    async def synced(self, seconds: float, times: int = 1) -> None:
        """Wait until commands were overwritten `times` times."""
        await self.changes.until(
            lambda: self.sync_count >= times, seconds, lambda: f"{self.sync_count} syncs"
        )

    async def resumed(self, seconds: float, times: int = 1) -> None:
        """Wait until sessions were resumed `times` times."""
        await self.changes.until(
            lambda: self.gateway.resumed >= times,
            seconds,
            lambda: f"{self.gateway.resumed} resumed",
        )

    async def message(self, wanted: Callable[[Message], object], seconds: float) -> Message:
        """Wait for a message that satisfies `wanted`, as in `lambda m: m.author.bot`."""
        return await self.changes.until(
            lambda: next((m for m in self.messages.values() if wanted(m)), None),
            seconds,
            lambda: f"no such message among {len(self.messages)}",
        )

    def _conversation(self, kind: Kind, name: str, *people: User) -> Place:
        place = Place(kind, name, people=list(people))
        self.places.append(place)
        return place

    def _founded(self, place: Place) -> None:
        self.places.append(place)
        if place.guild is not None and place.guild.bot is not None:
            event = "CHANNEL_CREATE" if place.parent is None else "THREAD_CREATE"
            self.gateway.post(event, place.payload(self.bot), Intent.GUILDS, place.guild.id)

    def _servers_of(self, shard: Shard) -> list[Guild]:
        return [each for each in self.guilds if each.bot is not None and shard.covers(each.id)]

    def _ready(self, session: Session) -> Json:
        shard = session.shard
        sharded = {"shard": [shard.id, shard.count]} if shard.count > 1 else {}
        servers = self._servers_of(shard)
        return sharded | {
            "v": 10,
            "user": self.bot.payload() | {"verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": guild.id, "unavailable": True} for guild in servers],
            "private_channels": [],
            "session_id": session.id,
            "resume_gateway_url": f"ws://{_HOST}:{self._port}{_RESUME}",
            "application": {"id": self.bot.id, "flags": 0},
        }

    def _greet(self, session: Session) -> None:
        if session.intents & Intent.GUILDS:
            for guild in self._servers_of(session.shard):
                session.post("GUILD_CREATE", guild.payload())
