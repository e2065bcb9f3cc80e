"""Actions of users in their Discord clients, which refuse the actions that a real client does not
offer."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.changes import Changes
from tests.fakes.discord.commands import (
    Command,
    Commands,
    CommandType,
    installations,
    localized,
    names_of,
)
from tests.fakes.discord.forms import SELECTS, Component, components_in
from tests.fakes.discord.gateway import Gateway, Intent
from tests.fakes.discord.interactions import Interaction, Interactions, InteractionType
from tests.fakes.discord.messages import IN_CHANNELS, Message
from tests.fakes.discord.options import fill, half_fill
from tests.fakes.discord.people import Context, Kind, Permission, Place, User
from tests.fakes.discord.strictness import ClientRefused, Json


class Clients:
    """The users' clients."""

    def __init__(
        self,
        bot: User,
        registry: Commands,
        interactions: Interactions,
        gateway: Gateway,
        changes: Changes,
    ) -> None:
        self.bot = bot
        self.registry = registry
        self.interactions = interactions
        self.gateway = gateway
        self.changes = changes

    @property
    def messages(self) -> dict[str, Message]:
        """Every message by id, of users and of the bot."""
        return self.interactions.messages

    def visible_commands(
        self, user: User, place: Place, locale: str | None = None
    ) -> dict[str, Command]:
        """The commands that the client offers, by displayed name."""
        wanted = locale or user.locale
        return {
            localized(command.body, "name", wanted): command
            for command in self.registry.everywhere()
            if command.visible_to(user, place)
        }

    async def slash(self, user: User, place: Place, name: str, /, **options: Any) -> Interaction:
        """Send `/name`, as in `slash(ana, general, "escribe", frase="Hola")`.

        Names may be canonical or localized; subcommands follow after a space."""
        command, path = self._offered(user, place, CommandType.SLASH, name)
        filled = fill(command, path, options, user)
        return self._invoke(user, place, command, filled.options, filled.resolved)

    async def forge_slash(
        self, user: User, place: Place, name: str, /, options: list[Json] | None = None
    ) -> Interaction:
        """Send a registered command without the client's checks."""
        for command in self.registry.everywhere():
            if command.type is CommandType.SLASH and command.name == name:
                return self._invoke(user, place, command, options or [], {})
        raise ClientRefused(f"/{name} is not registered")

    async def autocomplete(
        self, user: User, place: Place, name: str, option: str, partial: str, /, **others: Any
    ) -> Interaction:
        """Type `partial` into an option; see `Interaction.completions`."""
        command, path = self._offered(user, place, CommandType.SLASH, name)
        filled = half_fill(command, path, option, partial, others, user)
        return self._invoke(
            user,
            place,
            command,
            filled.options,
            filled.resolved,
            kind=InteractionType.AUTOCOMPLETE,
        )

    async def context_menu(
        self, user: User, place: Place, name: str, target: Message | User
    ) -> Interaction:
        """Choose an app command in the context menu of a message or a user."""
        if isinstance(target, User):
            command, _ = self._offered(user, place, CommandType.USER, name)
            resolved: Json = {"users": {target.id: target.payload()}}
        else:
            if target.place is not place or not target.visible_to(user):
                raise ClientRefused(f"{user.name} does not see that message")
            if target.ephemeral:
                raise ClientRefused("ephemeral messages have no app commands")
            command, _ = self._offered(user, place, CommandType.MESSAGE, name)
            resolved = {"messages": {target.id: target.payload()}}
        return self._invoke(user, place, command, None, resolved, target=target.id)

    async def press(
        self, user: User, message: Message, label_or_custom_id: str, values: list[str] | None = None
    ) -> Interaction:
        """Press a button, or choose `values` in a select."""
        if not message.visible_to(user) or message.thinking:
            raise ClientRefused(f"{user.name} does not see that message")
        for component in components_in(message.components):
            if label_or_custom_id not in (component.get("label"), component.get("custom_id")):
                continue
            if component.get("disabled"):
                raise ClientRefused(f"{label_or_custom_id} is disabled")
            if component["type"] == Component.BUTTON and "custom_id" in component:
                return self._use(user, message, component["custom_id"], component["type"], None)
            if component["type"] in SELECTS:
                self._check_choice(component, values or [])
                return self._use(user, message, component["custom_id"], component["type"], values)
        raise ClientRefused(f"there is no {label_or_custom_id} among {message.buttons}")

    async def forge_press(self, user: User, message: Message, custom_id: str) -> Interaction:
        """Press a button that the message need not have."""
        return self._use(user, message, custom_id, Component.BUTTON, None)

    async def submit(self, interaction: Interaction, /, **fields: str) -> Interaction:
        """Fill in the modal that answered `interaction`, by custom id or label, and submit it."""
        if interaction.modal is None:
            raise ClientRefused("no modal is open")
        inputs: list[Json] = []
        rest = dict(fields)
        labels = {
            each["component"].get("custom_id"): each.get("label")
            for each in components_in(interaction.modal["components"])
            if each["type"] == Component.LABEL
        }
        for each in components_in(interaction.modal["components"]):
            if each["type"] != Component.TEXT_INPUT:
                continue
            custom_id = each["custom_id"]
            names = {custom_id, each.get("label"), labels.get(custom_id)} & rest.keys()
            text = rest.pop(names.pop()) if names else each.get("value") or ""
            required = each.get("required", True)
            least, most = each.get("min_length") or int(required), each.get("max_length") or 4000
            if (text or required) and not least <= len(text) <= most:
                raise ClientRefused(f"{custom_id} takes {least} to {most} characters")
            typed = {"type": 4, "custom_id": custom_id, "value": text}
            inputs.append({"type": 1, "components": [typed]})
        if rest:
            raise ClientRefused(f"the modal has no {', '.join(rest)}")
        data = {"custom_id": interaction.modal["custom_id"], "components": inputs}
        return self._send(
            Interaction(
                InteractionType.MODAL,
                interaction.user,
                interaction.place,
                data,
                interaction.owners,
                self.changes,
                source=interaction.source,
            )
        )

    async def say(
        self, user: User, place: Place, content: str, reply_to: Message | None = None
    ) -> Message:
        """Write a message."""
        sendable = place.guild is None or place.permissions(user).include(Permission.SEND_MESSAGES)
        if not place.visible_to(user) or place.kind is Kind.FORUM or not sendable:
            raise ClientRefused(f"{user.name} cannot write in {place.name}")
        if not 1 <= len(content) <= 2000:
            raise ClientRefused("a message has 1 to 2000 characters")
        message = Message(place, user, self.changes)
        message.reply_to = None if reply_to is None else reply_to.id
        message.write({"content": content}, IN_CHANNELS)
        self.messages[message.id] = message
        if place.visible_to(self.bot):
            intent = Intent.DIRECT_MESSAGES if place.guild is None else Intent.GUILD_MESSAGES
            server = None if place.guild is None else place.guild.id
            self.gateway.post("MESSAGE_CREATE", self.seen_by_bot(message), intent, server)
        return message

    async def delete(self, user: User, message: Message) -> None:
        """Delete a message, or dismiss an ephemeral one."""
        own = message.author is user or (message.ephemeral and message.reader is user)
        in_server = message.place.guild is not None
        may = in_server and message.place.permissions(user).include(Permission.MANAGE_MESSAGES)
        if not message.visible_to(user) or not (own or may):
            raise ClientRefused(f"{user.name} cannot delete that message")
        message.delete()

    async def malformed_event(self, event: str = "INTERACTION_CREATE", data: Any = None) -> None:
        """Dispatch an event with arbitrary data."""
        self.gateway.post(event, data)

    def seen_by_bot(self, message: Message) -> Json:
        """The message object outside interactions, whose content requires a privileged intent."""
        payload = message.payload()
        if message.place.guild is not None:
            payload["guild_id"] = message.place.guild.id
        told = message.author is self.bot or message.place.context is Context.BOT_DM
        if told or self.bot.mention in message.content:
            return payload
        if all(s.intents & Intent.MESSAGE_CONTENT for s in self.gateway.listening):
            return payload
        return payload | {"content": "", "embeds": [], "attachments": [], "components": []}

    def _offered(
        self, user: User, place: Place, kind: CommandType, called: str
    ) -> tuple[Command, list[str]]:
        """The command with this name in the user's client, and the path of a subcommand."""
        if place.kind is Kind.FORUM:
            raise ClientRefused("nothing can be sent in a forum outside its posts")
        name, *path = called.split() if kind is CommandType.SLASH else [called]
        for command in self.visible_commands(user, place).values():
            if command.type is kind and name in names_of(command.body, user.locale):
                return command, path
        registered = {c.name for c in self.registry.everywhere() if c.type is kind}
        raise ClientRefused(f"{user.name} is not offered {name!r}; registered are {registered}")

    def _invoke(
        self,
        user: User,
        place: Place,
        command: Command,
        options: list[Json] | None,
        resolved: Json,
        *,
        target: str | None = None,
        kind: InteractionType = InteractionType.COMMAND,
    ) -> Interaction:
        data: Json = {"id": command.body["id"], "name": command.name, "type": int(command.type)}
        if options:
            data["options"] = options
        if resolved:
            data["resolved"] = resolved
        if target is not None:
            data["target_id"] = target
        if command.guild is not None:
            data["guild_id"] = command.guild.id
        owners = command.owners(user, place) or installations(user, place)
        return self._send(Interaction(kind, user, place, data, owners, self.changes))

    def _use(
        self, user: User, message: Message, custom_id: str, kind: int, values: list[str] | None
    ) -> Interaction:
        data: Json = {"custom_id": custom_id, "component_type": int(kind), "id": 1}
        if values is not None:
            data["values"] = values
        metadata = message.interaction or {}
        owners = metadata.get("authorizing_integration_owners")
        owners = owners or installations(user, message.place)
        component = InteractionType.COMPONENT
        return self._send(
            Interaction(component, user, message.place, data, owners, self.changes, source=message)
        )

    def _check_choice(self, select: Json, values: list[str]) -> None:
        least, most = select.get("min_values", 1), select.get("max_values", 1)
        offered = {option["value"] for option in select.get("options") or []}
        if not least <= len(values) <= most or (offered and not set(values) <= offered):
            raise ClientRefused(f"{values} cannot be chosen among {offered}")

    def _send(self, interaction: Interaction) -> Interaction:
        # The guild's id is present even if the bot is not a member.
        guild = interaction.place.guild
        server = None if guild is None else guild.id
        listening = {
            session.id: session.connection
            for session in self.gateway.listening
            if session.shard.covers(server)
        }

        def still_listening() -> bool:
            now = {session.id: session.connection for session in self.gateway.listening}
            return any(now.get(session) is line for session, line in listening.items())

        self.interactions.opened(interaction, still_listening)
        self.gateway.post("INTERACTION_CREATE", interaction.payload(self.bot), server=server)
        return interaction
