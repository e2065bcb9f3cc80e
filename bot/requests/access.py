"""Who may ask, and who may administer: lists from the settings, checked on every use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """Lists of people and servers as `platform:id`; a platform's name in a list of people stands
    for all of them there. An empty list of allowed ones allows all."""

    admins: frozenset[str] = frozenset()
    allowed_users: frozenset[str] = frozenset()
    blocked_users: frozenset[str] = frozenset()
    allowed_servers: frozenset[str] = frozenset()
    blocked_servers: frozenset[str] = frozenset()

    def allows(self, person: str, server: str | None) -> bool:
        """Whether this person may ask here. Admins always may, so that nobody locks himself out;
        a list of allowed servers is about servers, and says nothing of private conversations."""
        if person in self.admins:
            return True
        names = {person, person.partition(":")[0]}
        if names & self.blocked_users or server in self.blocked_servers:
            return False
        if self.allowed_users and not names & self.allowed_users:
            return False
        return not self.allowed_servers or server is None or server in self.allowed_servers

    def administers(self, person: str) -> bool:
        """Whether this person administers the bot. Rights inside a server count for nothing."""
        return person in self.admins
