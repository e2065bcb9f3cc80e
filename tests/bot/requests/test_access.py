"""Who may ask and who may administer."""

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
        # a platform's name is everybody there
        (Access(allowed_users=frozenset({"discord"})), True),
        (Access(allowed_users=frozenset({"web", "telegram"})), False),
        (Access(allowed_users=frozenset({ME}), blocked_users=frozenset({"discord"})), False),
        # the same number on the other platform is somebody else
        (Access(blocked_users=frozenset({"telegram:1"})), True),
    ],
)
def test_lists_decide_who_may_ask(access: Access, allowed: bool) -> None:
    assert access.allows(ME, SERVER) is allowed


def test_a_list_of_servers_says_nothing_of_private_conversations() -> None:
    assert Access(allowed_servers=frozenset({SERVER})).allows(ME, None)


def test_only_those_on_the_list_administer() -> None:
    assert not Access().administers(ME)
    assert Access(admins=frozenset({ME})).administers(ME)
    assert not Access(admins=frozenset({"telegram:1"})).administers(ME)
