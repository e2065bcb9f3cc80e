"""The gateway: connections, and sessions that outlive them.

https://docs.discord.com/developers/events/gateway"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from aiohttp import WSMsgType, web

from tests.fakes.discord.changes import Changes
from tests.fakes.discord.sharding import MOST_SERVERS, Shard, Starts
from tests.fakes.discord.strictness import Json


class Op(IntEnum):
    """Opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    REQUEST_SOUNDS = 31


class Intent(IntFlag):
    """The intents that the fake uses."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
_ALL_INTENTS = 1 << 26
_SENDS, _PERIOD = 120, 60.0
_REMEMBERED = 1000
# Seconds until a connection to an unreachable shard breaks.
_BREAK_SECONDS = 0.1


class CloseCode(IntEnum):
    """Close codes."""

    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    SHARDING_REQUIRED = 4011
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


@dataclass(eq=False)
class Session:
    """An identified session; survives lost connections and keeps events for a resume."""

    intents: int
    shard: Shard = field(default_factory=Shard)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    events: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    connection: Connection | None = None

    def post(self, event: str, data: Json) -> None:
        """Record an event, and send it if a connection is open."""
        self.sequence += 1
        text = json.dumps({"op": Op.DISPATCH, "t": event, "s": self.sequence, "d": data})
        self.events.append((self.sequence, text))
        if self.connection is not None:
            self.connection.post(text)


class Connection:
    """A WebSocket with an ordered send queue."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.session: Session | None = None
        self.heard = time.monotonic()
        self.sends: deque[float] = deque(maxlen=_SENDS + 1)
        self.refused = False
        self._transport = request.transport
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()

    def post(self, text: str) -> None:
        """Queue a frame."""
        self._outgoing.put_nowait(text)

    def post_op(self, op: Op, data: object = None) -> None:
        """Queue an opcode other than dispatch."""
        self.post(json.dumps({"op": op, "d": data}))

    async def write(self) -> None:
        """Send queued frames until the client disconnects."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.socket.send_str(await self._outgoing.get())

    async def close(self, code: int) -> None:
        """Close the connection."""
        self.refused = True
        await self.socket.close(code=code)

    async def break_off(self) -> None:
        """Reset the connection after a moment of silence."""
        await asyncio.sleep(_BREAK_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()


class Gateway:
    """Accepts connections and dispatches events to sessions."""

    def __init__(
        self,
        *,
        changes: Changes,
        violations: list[str],
        valid: Callable[[str], bool],
        ready: Callable[[Session], Json],
        greet: Callable[[Session], None],
        revoke: Callable[[], Awaitable[None]],
        servers: Callable[[Shard], int],
        heartbeat_interval: float,
        privileged: int,
    ) -> None:
        self.heartbeat_interval = heartbeat_interval
        self.privileged = privileged
        self.acknowledging = True
        self.starts = Starts()
        self.most_servers = MOST_SERVERS
        # Shards whose connections break before identify and resume.
        self.unreachable: set[int] = set()
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.identified: list[Json] = []
        self.resumed = 0
        self._changes = changes
        self._violations = violations
        self._valid = valid
        self._ready = ready
        self._greet = greet
        self._revoke = revoke
        self._servers = servers

    @property
    def listening(self) -> list[Session]:
        """The sessions with a connection."""
        return [session for session in self.sessions.values() if session.connection is not None]

    def post(self, event: str, data: Json, intent: int = 0, server: str | None = None) -> None:
        """Dispatch an event of a guild, or of none, to the sessions of its shard that have
        `intent`; sessions without a connection receive it on resume."""
        for session in self.sessions.values():
            if session.shard.covers(server) and session.intents & intent == intent:
                session.post(event, data)

    def drop(self, shard: int | None = None) -> None:
        """Cut all connections, or those of one shard, as a network failure does."""
        for connection in self._connections_of(shard):
            connection.abort()

    async def close(self, code: int, shard: int | None = None) -> None:
        """Close all connections, or those of one shard, with a code."""
        for connection in self._connections_of(shard):
            await connection.close(code)

    def _connections_of(self, shard: int | None) -> list[Connection]:
        return [
            connection
            for connection in self.connections
            if shard is None
            or (connection.session is not None and connection.session.shard.id == shard)
        ]

    def ask_to_reconnect(self) -> None:
        """Send opcode 7 to all connections."""
        for connection in self.connections:
            connection.post_op(Op.RECONNECT)

    def invalidate(self, *, resumable: bool) -> None:
        """Send opcode 9 to all connections."""
        for session in list(self.sessions.values()):
            if not resumable:
                del self.sessions[session.id]
            if session.connection is not None:
                session.connection.post_op(Op.INVALID_SESSION, resumable)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a connection."""
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        helpers = [asyncio.create_task(c) for c in (connection.write(), self._watch(connection))]
        connection.post_op(Op.HELLO, {"heartbeat_interval": int(self.heartbeat_interval * 1000)})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(connection, message.data)
        finally:
            for helper in helpers:
                helper.cancel()
            self.connections.discard(connection)
            self._detach(connection)
        return socket

    def _detach(self, connection: Connection) -> None:
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            # A client that closes with these codes gives up its session; one that echoes the fake's
            # close code does not.
            if not connection.refused and connection.socket.close_code in (1000, 1001):
                self.sessions.pop(session.id, None)
        self._changes.happened()

    async def _watch(self, connection: Connection) -> None:
        """Close a connection without heartbeats."""
        patience = self.heartbeat_interval * 1.5
        silent = 0.0
        while silent < patience:
            await asyncio.sleep(patience - silent)
            silent = time.monotonic() - connection.heard
        await self._refuse(
            connection, CloseCode.SESSION_TIMED_OUT, f"no heartbeat in {patience:.2f} s"
        )

    async def _refuse(self, connection: Connection, code: CloseCode, why: str) -> None:
        self._violations.append(f"gateway {int(code)} {code.name}: {why}")
        await connection.close(code)

    async def _receive(self, connection: Connection, text: str) -> None:
        moment = time.monotonic()
        connection.sends.append(moment)
        if len(connection.sends) > _SENDS and moment - connection.sends[0] < _PERIOD:
            await self._refuse(connection, CloseCode.RATE_LIMITED, f"{_SENDS} sends a minute")
            return
        try:
            frame = json.loads(text)
            op, data = Op(frame["op"]), frame.get("d")
        except (ValueError, KeyError, TypeError):
            await self._refuse(connection, CloseCode.DECODE_ERROR, text)
            return
        if op is Op.HEARTBEAT:
            connection.heard = moment
            if self.acknowledging:
                connection.post_op(Op.HEARTBEAT_ACK)
        elif op in (Op.IDENTIFY, Op.RESUME):
            await self._authenticate(connection, op, data)
        elif op not in (Op.PRESENCE, Op.VOICE_STATE, Op.REQUEST_MEMBERS, Op.REQUEST_SOUNDS):
            await self._refuse(connection, CloseCode.UNKNOWN_OPCODE, f"{op!r} from a client")
        elif connection.session is None:
            await self._refuse(connection, CloseCode.NOT_AUTHENTICATED, f"{op!r} before IDENTIFY")

    async def _authenticate(self, connection: Connection, op: Op, data: Json) -> None:
        if connection.session is not None:
            await self._refuse(connection, CloseCode.ALREADY_AUTHENTICATED, f"a second {op.name}")
        elif not self._valid(data.get("token", "")):
            await connection.close(CloseCode.AUTHENTICATION_FAILED)
        elif op is Op.IDENTIFY:
            await self._identify(connection, data)
        else:
            await self._resume(connection, data)

    async def _shard_of(self, connection: Connection, data: Json) -> Shard | None:
        """The shard in IDENTIFY; None after a refusal."""
        try:
            shard = Shard.read(data.get("shard"))
        except ValueError as error:
            await self._refuse(connection, CloseCode.INVALID_SHARD, str(error))
            return None
        if not self.starts.spend():
            self._violations.append("gateway: no session start was left, so the token is reset")
            await self._revoke()
            return None
        if shard.id in self.unreachable:
            await connection.break_off()
            return None
        if (servers := self._servers(shard)) > self.most_servers:
            why = f"{servers} servers in {shard}"
            await self._refuse(connection, CloseCode.SHARDING_REQUIRED, why)
            return None
        return shard

    async def _identify(self, connection: Connection, data: Json) -> None:
        self.identified.append(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or not 0 <= intents < _ALL_INTENTS:
            await self._refuse(connection, CloseCode.INVALID_INTENTS, f"intents {intents!r}")
            return
        if intents & PRIVILEGED & ~self.privileged:
            why = f"{Intent(intents) & PRIVILEGED!r} not enabled"
            await self._refuse(connection, CloseCode.DISALLOWED_INTENTS, why)
            return
        if (shard := await self._shard_of(connection, data)) is None:
            return
        if self.starts.hurries(shard):
            connection.post_op(Op.INVALID_SESSION, False)
            self._changes.happened()
            return
        session = Session(intents, shard)
        self.sessions[session.id] = session
        self._attach(connection, session)
        session.post("READY", self._ready(session))
        self._greet(session)
        self._changes.happened()

    async def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(data.get("session_id", ""))
        if session is None:
            connection.post_op(Op.INVALID_SESSION, False)
            return
        if session.shard.id in self.unreachable:
            await connection.break_off()
            return
        seen = data.get("seq")
        if not isinstance(seen, int) or seen > session.sequence:
            await self._refuse(connection, CloseCode.INVALID_SEQUENCE, f"seq {seen!r}")
            return
        missed = [text for number, text in session.events if number > seen]
        self._attach(connection, session)
        for text in missed:
            connection.post(text)
        self.resumed += 1
        session.post("RESUMED", {})
        self._changes.happened()

    def _attach(self, connection: Connection, session: Session) -> None:
        if session.connection is not None:
            session.connection.abort()
        connection.session, session.connection = session, connection
