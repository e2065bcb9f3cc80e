"""Who may use the bot and who may administer it: lists from the settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """Lists of people and servers as `platform:id`.

    A platform's name in a list of people means everyone there. An empty list of allowed people or
    servers allows all.
    """

    admins: frozenset[str] = frozenset()
    allowed_users: frozenset[str] = frozenset()
    blocked_users: frozenset[str] = frozenset()
    allowed_servers: frozenset[str] = frozenset()
    blocked_servers: frozenset[str] = frozenset()

    def allows(self, person: str, server: str | None) -> bool:
        """Whether a person may use the bot on a server, or in private for None. Admins always may:
        they cannot lock themselves out. Lists of servers do not apply to private chats."""
        if person in self.admins:
            return True
        names = {person, person.partition(":")[0]}
        if names & self.blocked_users or server in self.blocked_servers:
            return False
        if self.allowed_users and not names & self.allowed_users:
            return False
        return not self.allowed_servers or server is None or server in self.allowed_servers

    def administers(self, person: str) -> bool:
        """Whether a person is an admin of the bot. Permissions in a server do not count."""
        return person in self.admins
