"""The REST API v10: routes, authorisation, and the shape of answers.

https://docs.discord.com/developers/reference
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.discord.commands import Command
from tests.fakes.discord.faults import Fault, limit_body
from tests.fakes.discord.forms import check_message
from tests.fakes.discord.messages import IN_CHANNELS, Message
from tests.fakes.discord.people import Guild, Kind, Permission, Place
from tests.fakes.discord.strictness import (
    Form,
    Json,
    Refusal,
    missing_access,
    unauthorized,
    unknown_message,
)

if TYPE_CHECKING:
    from tests.fakes.discord.server import FakeDiscord

BASE = "/api/v10"
_LIMIT = 50
# The token is in their path, so they ask for no other.
_OPEN = ("/interactions/", "/webhooks/", "/gateway")
# aiohttp's json_response adds a charset, which Discord does not send and discord.py does not take.
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Call:
    """A request that came in, whatever became of it; `moment` is of the monotonic clock."""

    moment: float
    method: str
    path: str
    body: Any


Answer = Json | list[Json] | None


@dataclass
class Asked:
    """A request to a handler: the parts of its path, its query and its body."""

    where: dict[str, str]
    query: Mapping[str, str]
    body: Any
    status: int = 200


Handler = Callable[["Rest", Asked], Answer]


class Rest:
    """Answers requests about the state that the fake holds."""

    def __init__(self, discord: FakeDiscord) -> None:
        self.calls: list[Call] = []
        self._discord = discord

    def add_to(self, application: web.Application) -> None:
        """Serve every path of the API."""
        application.router.add_route("*", BASE + "/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(BASE)
        try:
            body = await _body_of(request)
        except Refusal as refusal:
            return self._refuse(refusal, request)
        self.calls.append(Call(time.monotonic(), request.method, path, body))
        faults = self._discord.faults
        if early := faults.impatience(request.method, path):
            self._offence(request, f"{early:.2f} s before the end of a rate limit")
        striking = faults.strike(request.method, path)
        await asyncio.sleep(sum(f.wait for f in striking if not f.after_effect))
        blow = next((f for f in striking if f.reset or f.status is not None), None)
        if blow is not None and not blow.after_effect:
            return await self._strike(blow, request, path)
        answer = self._answer(request, path, body)
        await asyncio.sleep(sum(f.wait for f in striking if f.after_effect))
        return await self._strike(blow, request, path) if blow is not None else answer

    async def _strike(self, blow: Fault, request: web.Request, path: str) -> web.Response:
        if blow.reset:
            assert request.transport is not None
            request.transport.abort()
            # Nobody hears this.
            return web.Response(status=500)
        assert blow.status is not None
        if blow.status != 429:
            return web.Response(
                status=blow.status, text=f"<html>{blow.status}</html>", content_type="text/html"
            )
        faults = self._discord.faults
        faults.limit(request.method, path, blow.retry_after)
        headers = {"Retry-After": str(max(1, round(blow.retry_after)))}
        if not blow.via:
            return web.Response(status=429, text="error code: 1015", headers=headers)
        headers |= _JSON | {
            "Via": "1.1 google",
            "X-RateLimit-Scope": "global" if blow.everywhere else "user",
            "X-RateLimit-Limit": str(_LIMIT),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{time.time() + blow.retry_after:.3f}",
            "X-RateLimit-Reset-After": f"{blow.retry_after:.3f}",
        }
        if blow.everywhere:
            headers["X-RateLimit-Global"] = "true"
        return web.Response(status=429, body=json.dumps(limit_body(blow)).encode(), headers=headers)

    def _answer(self, request: web.Request, path: str, body: Any) -> web.Response:
        try:
            self._authorize(request, path)
            handler, where = _route(request.method, path)
            asked = Asked(where, request.query, body)
            found = handler(self, asked)
            answer = web.Response(status=204)
            if found is not None:
                answer = web.Response(
                    status=asked.status, body=json.dumps(found).encode(), headers=_JSON
                )
        except Refusal as refusal:
            answer = self._refuse(refusal, request)
        answer.headers.update(_limits(request.method, path))
        return answer

    def _refuse(self, refusal: Refusal, request: web.Request) -> web.Response:
        if refusal.offence:
            self._offence(request, str(refusal))
        body = json.dumps(refusal.body).encode()
        return web.Response(status=refusal.status, body=body, headers=_JSON)

    def _authorize(self, request: web.Request, path: str) -> None:
        if path.startswith(_OPEN) and path != "/gateway/bot":
            return
        if self._discord.faults.token_revoked:
            raise unauthorized(offence=False)
        if request.headers.get("Authorization") != f"Bot {self._discord.token}":
            raise unauthorized()
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self._offence(
                request, "a bot must name itself in User-Agent as DiscordBot (url, version)"
            )

    def _offence(self, request: web.Request, why: str) -> None:
        path = request.path.removeprefix(BASE)
        self._discord.violations.append(f"{request.method} {path}: {why}")

    # -- about the bot and its application ---------------------------------------------------

    def me(self, _asked: Asked) -> Json:
        return self._discord.bot.payload() | {"verified": True, "mfa_enabled": True, "email": None}

    def application(self, _asked: Asked) -> Json:
        return {
            "id": self._discord.bot.id,
            "name": self._discord.bot.name,
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": self._discord.developer.payload(),
            "team": None,
            "verify_key": "0" * 64,
            "flags": 0,
            "approximate_guild_count": len(self._discord.guilds),
        }

    def gateway(self, _asked: Asked) -> Json:
        return {"url": self._discord.gateway_url}

    def gateway_bot(self, _asked: Asked) -> Json:
        limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
        return {"url": self._discord.gateway_url, "shards": 1, "session_start_limit": limit}

    # -- commands ----------------------------------------------------------------------------

    def list_commands(self, asked: Asked) -> list[Json]:
        return [c.body for c in self._discord.registry.of(self._scope(asked))]

    def put_commands(self, asked: Asked) -> list[Json]:
        if not isinstance(asked.body, list):
            raise Refusal(400, 50035, "Invalid Form Body")
        commands = self._discord.registry.overwrite(asked.body, self._scope(asked))
        self._note_duplicates()
        return [command.body for command in commands]

    def post_command(self, asked: Asked) -> Json:
        known = len(self._discord.registry.of(scope := self._scope(asked)))
        command = self._discord.registry.upsert(asked.body, scope)
        if len(self._discord.registry.of(scope)) > known:
            asked.status = 201
        self._note_duplicates()
        return command.body

    def get_command(self, asked: Asked) -> Json:
        return self._command(asked).body

    def patch_command(self, asked: Asked) -> Json:
        command = self._command(asked)
        return self._discord.registry.upsert(command.body | asked.body, command.guild).body

    def delete_command(self, asked: Asked) -> None:
        self._discord.registry.remove(self._command(asked))

    def _command(self, asked: Asked) -> Command:
        return self._discord.registry.find(asked.where["command"], self._scope(asked))

    def _scope(self, asked: Asked) -> Guild | None:
        if asked.where["application"] != self._discord.bot.id:
            raise Refusal(
                403, 20012, "You are not authorized to perform this action on this application"
            )
        guild_id = asked.where.get("guild")
        if guild_id is None:
            return None
        for guild in self._discord.guilds:
            if guild.id == guild_id and guild.bot is not None:
                return guild
        raise missing_access()

    def _note_duplicates(self) -> None:
        for name in self._discord.registry.shown_twice():
            told = f"the command {name} is registered globally and in a server: it is shown twice"
            if told not in self._discord.violations:
                self._discord.violations.append(told)
        self._discord.changes.happened()

    # -- interactions ------------------------------------------------------------------------

    def callback(self, asked: Asked) -> Json | None:
        where = asked.where
        response = self._discord.interactions.callback(
            where["interaction"], where["token"], asked.body
        )
        wanted = asked.query.get("with_response", "").lower() in ("1", "true")
        return response if wanted else None

    def follow_up(self, asked: Asked) -> Json:
        return self._discord.interactions.follow_up(self._token(asked), asked.body).payload()

    def get_answer(self, asked: Asked) -> Json:
        which = asked.where["message"]
        return self._discord.interactions.message(self._token(asked), which).payload()

    def edit_answer(self, asked: Asked) -> Json:
        which = asked.where["message"]
        return self._discord.interactions.edit(self._token(asked), which, asked.body).payload()

    def delete_answer(self, asked: Asked) -> None:
        self._discord.interactions.delete(self._token(asked), asked.where["message"])

    def _token(self, asked: Asked) -> str:
        if asked.where["application"] != self._discord.bot.id:
            raise Refusal(404, 10015, "Unknown Webhook")
        return asked.where["token"]

    # -- channels ----------------------------------------------------------------------------

    def get_channel(self, asked: Asked) -> Json:
        return self._place(asked).payload(self._discord.bot)

    def get_message(self, asked: Asked) -> Json:
        return self._discord.seen_by_bot(self._message(asked))

    def post_message(self, asked: Asked) -> Json:
        place = self._place(asked)
        if place.kind is Kind.FORUM:
            raise Refusal(400, 50008, "Cannot send messages in a non-text channel")
        if place.guild and not place.permissions(self._discord.bot).include(
            Permission.SEND_MESSAGES
        ):
            raise Refusal(403, 50013, "Missing Permissions")
        form = Form()
        check_message(form, asked.body, asked.body.get("flags") or 0)
        form.refuse()
        message = Message(place, self._discord.bot, self._discord.changes)
        message.reply_to = (asked.body.get("message_reference") or {}).get("message_id")
        message.write(asked.body, IN_CHANNELS)
        self._discord.messages[message.id] = message
        return message.payload()

    def patch_message(self, asked: Asked) -> Json:
        message = self._message(asked)
        if message.author is not self._discord.bot:
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        form = Form()
        check_message(form, asked.body, message.flags_after(asked.body))
        form.refuse()
        message.write(asked.body, IN_CHANNELS)
        return message.payload()

    def delete_message(self, asked: Asked) -> None:
        message = self._message(asked)
        bot = self._discord.bot
        if message.author is not bot and message.place.guild is None:
            raise Refusal(403, 50003, "Cannot execute action on a DM channel")
        may = message.place.permissions(bot).include(Permission.MANAGE_MESSAGES)
        if message.author is not bot and not may:
            raise Refusal(403, 50013, "Missing Permissions")
        message.delete()

    def open_dm(self, asked: Asked) -> Json:
        for user in self._discord.users:
            if user.id == asked.body.get("recipient_id"):
                return self._discord.dm(user).payload(self._discord.bot)
        raise Refusal(404, 10013, "Unknown User")

    def _place(self, asked: Asked) -> Place:
        for place in self._discord.places:
            if place.id == asked.where["channel"]:
                if place.visible_to(self._discord.bot):
                    return place
                raise missing_access()
        raise Refusal(404, 10003, "Unknown Channel")

    def _message(self, asked: Asked) -> Message:
        place = self._place(asked)
        message = self._discord.messages.get(asked.where["message"])
        # Ephemeral messages are of no channel.
        if message is None or message.place is not place or message.ephemeral:
            raise unknown_message(offence=True)
        if message.deleted:
            raise unknown_message(offence=False)
        return message


async def _body_of(request: web.Request) -> Any:
    """The JSON of a request, which lies in a part of its own if files come with it."""
    if request.content_type == "multipart/form-data":
        parts = await request.post()
        text = str(parts.get("payload_json", "{}"))
    else:
        text = await request.text()
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise Refusal(400, 50109, "The request body contains invalid JSON.") from None


def _limits(method: str, path: str) -> dict[str, str]:
    """Headers of a bucket that is never exhausted; what limits do is for the faults to show."""
    return {
        "Via": "1.1 google",
        "X-RateLimit-Limit": str(_LIMIT),
        "X-RateLimit-Remaining": str(_LIMIT - 1),
        "X-RateLimit-Reset": f"{time.time() + 1:.3f}",
        "X-RateLimit-Reset-After": "1.000",
        "X-RateLimit-Bucket": f"{hash((method, path)) & 0xFFFFFFFF:08x}",
    }


def _route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    for known, pattern, handler in _ROUTES:
        if known == method and (match := pattern.fullmatch(path)):
            return handler, match.groupdict()
    raise Refusal(404, 0, "404: Not Found")


_COMMANDS = ("/applications/{application}", "/applications/{application}/guilds/{guild}")
_HANDLERS: list[tuple[str, str, Handler]] = [
    ("GET", "/users/@me", Rest.me),
    ("GET", "/applications/@me", Rest.application),
    ("GET", "/oauth2/applications/@me", Rest.application),
    ("GET", "/gateway", Rest.gateway),
    ("GET", "/gateway/bot", Rest.gateway_bot),
    *[("GET", scope + "/commands", Rest.list_commands) for scope in _COMMANDS],
    *[("PUT", scope + "/commands", Rest.put_commands) for scope in _COMMANDS],
    *[("POST", scope + "/commands", Rest.post_command) for scope in _COMMANDS],
    *[("GET", scope + "/commands/{command}", Rest.get_command) for scope in _COMMANDS],
    *[("PATCH", scope + "/commands/{command}", Rest.patch_command) for scope in _COMMANDS],
    *[("DELETE", scope + "/commands/{command}", Rest.delete_command) for scope in _COMMANDS],
    ("POST", "/interactions/{interaction}/{token}/callback", Rest.callback),
    ("POST", "/webhooks/{application}/{token}", Rest.follow_up),
    ("GET", "/webhooks/{application}/{token}/messages/{message}", Rest.get_answer),
    ("PATCH", "/webhooks/{application}/{token}/messages/{message}", Rest.edit_answer),
    ("DELETE", "/webhooks/{application}/{token}/messages/{message}", Rest.delete_answer),
    ("GET", "/channels/{channel}", Rest.get_channel),
    ("POST", "/channels/{channel}/messages", Rest.post_message),
    ("GET", "/channels/{channel}/messages/{message}", Rest.get_message),
    ("PATCH", "/channels/{channel}/messages/{message}", Rest.patch_message),
    ("DELETE", "/channels/{channel}/messages/{message}", Rest.delete_message),
    ("POST", "/users/@me/channels", Rest.open_dm),
]
_ROUTES = [
    (method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), handler)
    for method, path, handler in _HANDLERS
]
