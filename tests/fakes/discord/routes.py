"""The routes of the REST API and their handlers.

https://docs.discord.com/developers/reference"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.discord.commands import Command
from tests.fakes.discord.forms import check_message
from tests.fakes.discord.messages import IN_CHANNELS, Message
from tests.fakes.discord.people import Guild, Kind, Permission, Place
from tests.fakes.discord.strictness import Form, Json, Refusal, missing_access, unknown_message

if TYPE_CHECKING:
    from tests.fakes.discord.server import FakeDiscord

Answer = Json | list[Json] | None


@dataclass
class Asked:
    """A request for a handler: path parameters, query and body."""

    where: dict[str, str]
    query: Mapping[str, str]
    body: Any
    status: int = 200


Handler = Callable[["Routes", Asked], Answer]


class Routes:
    """The handlers of authorized requests."""

    def __init__(self, discord: FakeDiscord) -> None:
        self._discord = discord

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler for a request, and its path parameters."""
        for known, pattern, handler in _ROUTES:
            if known == method and (match := pattern.fullmatch(path)):
                return handler, match.groupdict()
        raise Refusal(404, 0, "404: Not Found")

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
            "interactions_endpoint_url": None,
            "integration_types_config": {"0": {}, "1": {}},
        } | self._discord.portal

    def gateway(self, _asked: Asked) -> Json:
        return {"url": self._discord.gateway_url}

    def gateway_bot(self, _asked: Asked) -> Json:
        with_bot = [guild for guild in self._discord.guilds if guild.bot is not None]
        return {
            "url": self._discord.gateway_url,
            "shards": self._discord.recommended_shards or max(1, -(-len(with_bot) // 1000)),
            "session_start_limit": self._discord.gateway.starts.payload(),
        }

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
        # Ephemeral messages are not accessible by channel.
        if message is None or message.place is not place or message.ephemeral:
            raise unknown_message(offence=True)
        if message.deleted:
            raise unknown_message(offence=False)
        return message


_COMMANDS = ("/applications/{application}", "/applications/{application}/guilds/{guild}")
_HANDLERS: list[tuple[str, str, Handler]] = [
    ("GET", "/users/@me", Routes.me),
    ("GET", "/applications/@me", Routes.application),
    ("GET", "/oauth2/applications/@me", Routes.application),
    ("GET", "/gateway", Routes.gateway),
    ("GET", "/gateway/bot", Routes.gateway_bot),
    *[("GET", scope + "/commands", Routes.list_commands) for scope in _COMMANDS],
    *[("PUT", scope + "/commands", Routes.put_commands) for scope in _COMMANDS],
    *[("POST", scope + "/commands", Routes.post_command) for scope in _COMMANDS],
    *[("GET", scope + "/commands/{command}", Routes.get_command) for scope in _COMMANDS],
    *[("PATCH", scope + "/commands/{command}", Routes.patch_command) for scope in _COMMANDS],
    *[("DELETE", scope + "/commands/{command}", Routes.delete_command) for scope in _COMMANDS],
    ("POST", "/interactions/{interaction}/{token}/callback", Routes.callback),
    ("POST", "/webhooks/{application}/{token}", Routes.follow_up),
    ("GET", "/webhooks/{application}/{token}/messages/{message}", Routes.get_answer),
    ("PATCH", "/webhooks/{application}/{token}/messages/{message}", Routes.edit_answer),
    ("DELETE", "/webhooks/{application}/{token}/messages/{message}", Routes.delete_answer),
    ("GET", "/channels/{channel}", Routes.get_channel),
    ("POST", "/channels/{channel}/messages", Routes.post_message),
    ("GET", "/channels/{channel}/messages/{message}", Routes.get_message),
    ("PATCH", "/channels/{channel}/messages/{message}", Routes.patch_message),
    ("DELETE", "/channels/{channel}/messages/{message}", Routes.delete_message),
    ("POST", "/users/@me/channels", Routes.open_dm),
]
_ROUTES = [
    (method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), handler)
    for method, path, handler in _HANDLERS
]
