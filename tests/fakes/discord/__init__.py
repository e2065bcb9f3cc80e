"""A strict fake of Discord for real clients; see README.md."""

from tests.fakes.discord.people import ORDINARY, Guild, Permission, Place, Role, User
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.sharding import Shard
from tests.fakes.discord.strictness import ClientRefused

__all__ = [
    "ORDINARY",
    "ClientRefused",
    "FakeDiscord",
    "Guild",
    "Permission",
    "Place",
    "Role",
    "Shard",
    "User",
]
