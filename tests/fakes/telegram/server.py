"""The HTTP server on a loopback port.

A request passes token check, faults, flood limits and method. Errors are answered as Telegram
answers them, and offences are recorded in `violations`."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.fakes.telegram.chats import Chat, User
from tests.fakes.telegram.delivery import OTHER_POLLER, Delivery
from tests.fakes.telegram.errors import ApiError
from tests.fakes.telegram.faults import Fault, Faults
from tests.fakes.telegram.limits import FloodLimits
from tests.fakes.telegram.messages import Action
from tests.fakes.telegram.messaging import Messaging
from tests.fakes.telegram.parameters import Parameters, read
from tests.fakes.telegram.people import People
from tests.fakes.telegram.profile import Profile
from tests.fakes.telegram.queries import Queries
from tests.fakes.telegram.updates import Updates
from tests.fakes.telegram.waiting import Changes, Clock
from tests.fakes.telegram.world import Call, Features, Flooded, World

HOST = "127.0.0.1"
TOKEN = "4242:" + "A" * 35
_TOKEN_SHAPE = r"\d+:[A-Za-z0-9_-]{30,}"  # noqa: S105
_GATEWAY_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

Method = Callable[[Parameters], Awaitable[Any]]


class FakeTelegram(People):
    """A Bot API server with one bot, for `async with`.

    base: its address; the bot's methods are at `base`/bot<token>/METHOD.
    flood: whether flood limits apply."""

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "litteragpt_bot",
        flood: bool = True,
        features: Features | None = None,
    ) -> None:
        clock, changes = Clock(), Changes()
        updates = Updates(clock, changes)
        bot = User(int(token.partition(":")[0]), "LitteraGPT", username, is_bot=True)
        world = World(bot, features or Features(), updates.push, clock, changes)
        world.users[bot.id] = bot
        queries, profile = Queries(world), Profile(world)
        delivery = Delivery(updates, clock, changes)
        super().__init__(world, updates, delivery, queries, profile)
        self.token, self.bot = token, bot
        self.clock, self.profile = clock, profile
        self.limits, self.faults = FloodLimits(enabled=flood), Faults()
        self._messaging = Messaging(world, queries)
        self._methods = _methods(profile, queries, self._messaging, delivery)
        self._runner: web.AppRunner | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._port = 0

    # -- observation ---------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The address for TELEGRAM_API_BASE."""
        return f"http://{HOST}:{self._port}"

    @property
    def violations(self) -> list[str]:
        """The client's offences, one line each."""
        return self.world.violations

    @property
    def flooded(self) -> list[Flooded]:
        """Requests refused by a flood limit, without injected faults."""
        return self.world.flooded

    @property
    def calls(self) -> list[Call]:
        """Every request, in the order of responses; status 0 without a response."""
        return self.world.calls

    @property
    def actions(self) -> list[Action]:
        """Chat actions such as typing."""
        return self.world.actions

    def called(self, method: str) -> list[Call]:
        """The requests of one method."""
        return [call for call in self.calls if call.method == method.lower()]

    def advance(self, seconds: float) -> None:
        """Advance the server's clock: queries age, updates expire, limits recover."""
        self.clock.advance(seconds)
        self.world.changes.happened()

    # -- lifetime ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=50 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.on_response_prepare.append(self._date)
        # The poll of a disconnected client must not take updates.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.faults.clear()
        if self._reopening is not None:
            self._reopening.cancel()
        await self.delivery.end()
        assert self._runner is not None
        await self._runner.cleanup()

    async def refuse_connections(self, seconds: float) -> None:
        """Cut every connection and refuse new ones for `seconds`; then listen on the same port."""
        assert self._runner is not None
        for site in list(self._runner.sites):
            await site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                _reset(connection.transport)
        self._reopening = asyncio.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        assert self._runner is not None
        site = web.TCPSite(self._runner, HOST, self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    # -- a request ---------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"].lower()
        try:
            self._check_token(request.match_info["token"])
            parameters = await read(request)
        except ApiError as refusal:
            return self._refused(name, {}, refusal)
        chat = self._messaging.find(parameters)
        fault = self.faults.next(name, chat.id if chat else None)
        if fault is not None:
            return await self._faulty(fault, request, name, parameters, chat)
        return await self._answer(name, parameters, chat)

    async def _answer(
        self, name: str, parameters: Parameters, chat: Chat | None
    ) -> web.StreamResponse:
        try:
            self._check_flood(name, chat)
            if name not in self._methods:
                raise ApiError(404, f"method not found ({name})")
            result = await self._methods[name](parameters)
        except ApiError as refusal:
            return self._refused(name, parameters.values, refusal)
        self._record(name, parameters.values, 200)
        return web.json_response({"ok": True, "result": result})

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self.clock.now(), usegmt=True)

    def _check_token(self, token: str) -> None:
        if token == self.token:
            return
        raise ApiError(401) if re.fullmatch(_TOKEN_SHAPE, token) else ApiError(404)

    def _check_flood(self, name: str, chat: Chat | None) -> None:
        now = self.clock.now()
        seconds = self.limits.admit(name, chat, now)
        if seconds:
            self.flooded.append(Flooded(name, chat.id if chat else 0, seconds, now))
            raise _too_many(seconds)

    def _refused(self, name: str, values: dict[str, Any], refusal: ApiError) -> web.StreamResponse:
        if refusal.offence:
            self.violations.append(f"{name}: {refusal.description} {_shown(values)}".rstrip())
        self._record(name, values, refusal.code, refusal.description)
        return web.json_response(refusal.body(), status=refusal.code)

    def _record(
        self, name: str, values: dict[str, Any], status: int, description: str = ""
    ) -> None:
        self.calls.append(Call(name, values, self.clock.now(), status, description))
        self.world.changes.happened()

    async def _faulty(
        self,
        fault: Fault,
        request: web.Request,
        name: str,
        parameters: Parameters,
        chat: Chat | None,
    ) -> web.StreamResponse:
        answer: web.StreamResponse | None = None
        if fault.applied:
            answer = await self._answer(name, parameters, chat)
        if fault.kind == "slow" and answer is not None:
            await asyncio.sleep(fault.seconds)
            return answer
        if fault.kind == "hold":
            await web.StreamResponse(headers={"Content-Type": "application/json"}).prepare(request)
        if fault.kind in ("stall", "hold"):
            while self.faults.is_active(fault):
                await asyncio.wait({self.world.changes.next()}, timeout=0.2)
        if fault.kind in ("reset", "stall", "hold"):
            if not fault.applied:
                self._record(name, parameters.values, 0, fault.kind)
            assert request.transport is not None
            _reset(request.transport)
            raise ConnectionResetError
        if fault.kind == "html":
            self._record(name, parameters.values, fault.status, fault.kind)
            page = _GATEWAY_PAGE.format(fault.status)
            return web.Response(text=page, content_type="text/html", status=fault.status)
        return self._refused(name, parameters.values, _refusal(fault))


def _methods(*groups: object) -> dict[str, Method]:
    """The callable methods by lower-case name: the coroutine methods of the groups."""
    methods: dict[str, Method] = {"logout": _yes, "close": _yes}
    for group in groups:
        for name in dir(group):
            method = getattr(group, name)
            if re.match(r"(get|set|send|edit|delete|answer|leave)_", name):
                methods[name.replace("_", "")] = method
    return methods


async def _yes(parameters: Parameters) -> bool:
    return True


def _refusal(fault: Fault) -> ApiError:
    if fault.kind == "flood":
        return _too_many(int(fault.seconds))
    if fault.kind == "unauthorized":
        return ApiError(401, offence=False)
    if fault.kind == "conflict":
        return ApiError(409, OTHER_POLLER, offence=False)
    return ApiError(fault.status, offence=False)


def _too_many(seconds: int) -> ApiError:
    return ApiError(429, f"retry after {seconds}", offence=False, retry_after=seconds)


def _reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection with RST instead of FIN, as a crash does."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


def _shown(values: dict[str, Any]) -> str:
    shown = {name: str(value)[:60] for name, value in values.items()}
    return str(shown) if shown else ""
