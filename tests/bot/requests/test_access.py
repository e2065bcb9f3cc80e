"""Access lists."""

from __future__ import annotations

import pytest

from bot.requests.access import Access

ME, SERVER = "discord:1", "discord:50"


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (Access(), True),
        (Access(blocked_users=frozenset({ME})), False),
        (Access(blocked_servers=frozenset({SERVER})), False),
        (Access(allowed_users=frozenset({"discord:2"})), False),
        (Access(allowed_users=frozenset({ME})), True),
        (Access(allowed_servers=frozenset({"discord:51"})), False),
        (Access(allowed_servers=frozenset({SERVER})), True),
        (Access(admins=frozenset({ME}), blocked_users=frozenset({ME})), True),
        # a platform's name means everyone there
        (Access(allowed_users=frozenset({"discord"})), True),
        (Access(allowed_users=frozenset({"web", "telegram"})), False),
        (Access(allowed_users=frozenset({ME}), blocked_users=frozenset({"discord"})), False),
        # the same number on another platform is another person
        (Access(blocked_users=frozenset({"telegram:1"})), True),
    ],
)
def test_lists_decide_who_is_allowed(access: Access, allowed: bool) -> None:
    assert access.allows(ME, SERVER) is allowed


def test_server_lists_do_not_apply_in_private() -> None:
    assert Access(allowed_servers=frozenset({SERVER})).allows(ME, None)


def test_only_listed_people_administer() -> None:
    assert not Access().administers(ME)
    assert Access(admins=frozenset({ME})).administers(ME)
    assert not Access(admins=frozenset({"telegram:1"})).administers(ME)
