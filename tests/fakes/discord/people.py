"""Users, guilds, roles, channels, threads and direct messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from tests.fakes.discord.snowflakes import now, snowflake
from tests.fakes.discord.strictness import ClientRefused, Json


class Permission(IntFlag):
    """The permissions that the fake uses."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31

    def include(self, wanted: int) -> bool:
        """Whether all of `wanted` are granted; administrators have every permission."""
        return bool(self & Permission.ADMINISTRATOR) or self & wanted == wanted


ORDINARY = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
)
# Permissions of an app in direct messages, as documented for `app_permissions`.
IN_PRIVATE = Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE


class Context(IntEnum):
    """Interaction contexts."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


class Kind(IntEnum):
    """Channel types."""

    TEXT = 0
    DM = 1
    GROUP_DM = 3
    THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


@dataclass(eq=False)
class User:
    """A user account. `installed`: whether the user has installed the app."""

    name: str
    locale: str = "es-ES"
    installed: bool = False
    bot: bool = False
    id: str = field(default_factory=snowflake)

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def payload(self) -> Json:
        """The user object."""
        return {
            "id": self.id,
            "username": self.name.lower(),
            "global_name": None if self.bot else self.name,
            "discriminator": "0001" if self.bot else "0",
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }


@dataclass(eq=False)
class Role:
    """A guild role; users can ping it only if `mentionable`."""

    name: str
    mentionable: bool = False
    id: str = field(default_factory=snowflake)

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def payload(self) -> Json:
        """The role object."""
        return {
            "id": self.id,
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": 0,
            "permissions": str(int(ORDINARY)),
            "managed": False,
            "mentionable": self.mentionable,
            "flags": 0,
        }


@dataclass(eq=False)
class Place:
    """A channel of any type.

    people: participants of a direct message or private thread; other guild channels are visible to
    all members."""

    kind: Kind
    name: str
    guild: Guild | None = None
    parent: Place | None = None
    people: list[User] = field(default_factory=list)
    id: str = field(default_factory=snowflake)

    @property
    def context(self) -> Context:
        """The interaction context of this channel."""
        if self.guild is not None:
            return Context.GUILD
        alone_with_the_bot = self.kind is Kind.DM and any(user.bot for user in self.people)
        return Context.BOT_DM if alone_with_the_bot else Context.PRIVATE_CHANNEL

    def visible_to(self, user: User) -> bool:
        """Whether `user` can read here."""
        if self.guild is None or self.kind is Kind.PRIVATE_THREAD:
            return user in self.people
        return user in self.guild.members

    def permissions(self, user: User) -> Permission:
        """Permissions of `user` here."""
        return IN_PRIVATE if self.guild is None else self.guild.members.get(user, Permission(0))

    def thread(self, name: str, *people: User) -> Place:
        """Create a thread, private if `people` are given; in a forum, a post."""
        kind = Kind.PRIVATE_THREAD if people else Kind.THREAD
        thread = Place(kind, name, self.guild, parent=self, people=list(people))
        assert self.guild is not None, "only servers have threads"
        self.guild.places.append(thread)
        self.guild.founded(thread)
        return thread

    post = thread

    def payload(self, reader: User) -> Json:
        """The channel object in an interaction of `reader`."""
        channel: Json = {"id": self.id, "type": int(self.kind), "flags": 0, "last_message_id": None}
        if self.guild is None:
            others = [user.payload() for user in self.people if user is not reader]
            channel |= {"recipients": others}
            if self.kind is Kind.GROUP_DM:
                channel |= {"name": self.name, "icon": None, "owner_id": self.people[0].id}
            return channel
        channel |= {
            "name": self.name,
            "guild_id": self.guild.id,
            "parent_id": None if self.parent is None else self.parent.id,
            "permissions": str(int(self.permissions(reader))),
            "position": 0,
            "nsfw": False,
            "topic": None,
            "rate_limit_per_user": 0,
        }
        if self.kind in (Kind.THREAD, Kind.PRIVATE_THREAD):
            channel |= {
                "owner_id": self.guild.owner.id,
                "message_count": 0,
                "member_count": 1,
                "total_message_sent": 0,
                "thread_metadata": {
                    "archived": False,
                    "auto_archive_duration": 1440,
                    "archive_timestamp": now(),
                    "locked": False,
                },
            }
        return channel


@dataclass(eq=False)
class Guild:
    """A guild. User-installed apps work without the bot as a member."""

    name: str
    owner: User
    founded: Callable[[Place], None]
    locale: str = "es-ES"
    bot: User | None = None
    members: dict[User, Permission] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    id: str = field(default_factory=snowflake)

    def __post_init__(self) -> None:
        self.join(self.owner, ORDINARY | Permission.ADMINISTRATOR)
        if self.bot is not None:
            self.join(self.bot)

    def join(self, user: User, permissions: Permission = ORDINARY) -> User:
        """Add `user`, or change the permissions of a member."""
        self.members[user] = permissions
        return user

    def role(self, name: str, *, mentionable: bool = False) -> Role:
        """Create a role."""
        role = Role(name, mentionable)
        self.roles.append(role)
        return role

    def channel(self, name: str) -> Place:
        """Create a text channel."""
        return self._found(Kind.TEXT, name)

    def forum(self, name: str) -> Place:
        """Create a forum, which has messages only in posts."""
        return self._found(Kind.FORUM, name)

    def member(self, user: User, place: Place | None = None) -> Json:
        """The member object; with `place`, including the permissions there."""
        if user not in self.members:
            raise ClientRefused(f"{user.name} is not a member of {self.name}")
        member: Json = {
            "user": user.payload(),
            "roles": [],
            "joined_at": now(),
            "deaf": False,
            "mute": False,
            "pending": False,
            "nick": None,
            "avatar": None,
            "flags": 0,
        }
        if place is not None:
            member["permissions"] = str(int(place.permissions(user)))
        return member

    def partial(self) -> Json:
        """The partial guild object of an interaction."""
        return {"id": self.id, "locale": self.locale, "features": []}

    def payload(self) -> Json:
        """The guild object of GUILD_CREATE."""
        assert self.bot is not None, "servers without the bot are not announced"
        threads = (Kind.THREAD, Kind.PRIVATE_THREAD)
        everyone = Role("@everyone", id=self.id)
        return {
            "id": self.id,
            "name": self.name,
            "icon": None,
            "owner_id": self.owner.id,
            "preferred_locale": self.locale,
            "joined_at": now(),
            "large": False,
            "member_count": len(self.members),
            "members": [self.member(self.bot)],
            "roles": [role.payload() for role in (everyone, *self.roles)],
            "channels": [p.payload(self.bot) for p in self.places if p.kind not in threads],
            "threads": [p.payload(self.bot) for p in self.places if p.kind is Kind.THREAD],
            "emojis": [],
            "stickers": [],
            "features": [],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "afk_timeout": 300,
            "premium_tier": 0,
            "nsfw_level": 0,
            "system_channel_flags": 0,
            "unavailable": False,
        }

    def _found(self, kind: Kind, name: str) -> Place:
        place = Place(kind, name, self)
        self.places.append(place)
        self.founded(place)
        return place


_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def outside_code(content: str) -> str:
    """The text without code, where mentions and links are not recognised."""
    return _CODE.sub(" ", content)


def mentioned(content: str, place: Place, author: User, allowed: Json) -> set[str]:
    """The effective mentions in `content`, as in `{"@everyone", "@Ana", "@&editors"}`.

    https://docs.discord.com/developers/resources/message#allowed-mentions-object"""
    text = outside_code(content)
    parse = allowed.get("parse") or []
    users, roles = allowed.get("users") or [], allowed.get("roles") or []
    may_reach_all = place.permissions(author).include(Permission.MENTION_EVERYONE)
    found: set[str] = set()
    if "everyone" in parse and may_reach_all:
        found.update(re.findall(r"@everyone|@here", text))
    people = place.people if place.guild is None else list(place.guild.members)
    for person in people:
        if ("users" in parse or person.id in users) and re.search(f"<@!?{person.id}>", text):
            found.add(f"@{person.name}")
    for role in place.guild.roles if place.guild else []:
        if not (role.mentionable or may_reach_all):
            continue
        if ("roles" in parse or role.id in roles) and role.mention in text:
            found.add(f"@&{role.name}")
    return found
