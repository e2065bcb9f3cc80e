"""Users, chats, members and topics."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.fakes.telegram.messages import Draft, Message

ChatType = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]

PRESENT: set[Status] = {"creator", "administrator", "member", "restricted"}
ADMINISTRATORS: set[Status] = {"creator", "administrator"}
GENERAL = 1  # the General topic of every forum; the Bot API never shows its id


@dataclass(eq=False)
class User:
    """A user or a bot."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    def to_api(self) -> dict[str, Any]:
        """The User object of the Bot API."""
        user: dict[str, Any] = {
            "id": self.id,
            "is_bot": self.is_bot,
            "first_name": self.first_name,
        }
        if self.username:
            user["username"] = self.username
        if self.language_code:
            user["language_code"] = self.language_code
        return user


@dataclass(eq=False)
class Chat:
    """A chat. In a private chat `members` records what the user did with the bot: empty before the
    first message, `kicked` after a block."""

    id: int
    type: ChatType
    title: str
    username: str | None = None
    members: dict[int, Status] = field(default_factory=dict)
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    # Private chats and basic groups share one sequence of message ids, the account's.
    ids: count[int] = field(default_factory=lambda: count(1))
    messages: dict[int, Message] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    migrated_to: int | None = None
    takes_photos: bool = True  # whether members, the bot included, may send photos
    # False after a message of another bot: bare commands then do not reach this bot in privacy
    # mode.
    ours_spoke_last: bool = True

    @property
    def is_group(self) -> bool:
        """Whether this is a basic group or a supergroup."""
        return self.type in ("group", "supergroup")

    def status(self, user: User) -> Status:
        """The user's membership status."""
        return self.members.get(user.id, "left")

    def has(self, user: User) -> bool:
        """Whether the user is a member."""
        return self.status(user) in PRESENT

    def to_api(self) -> dict[str, Any]:
        """The Chat object of the Bot API."""
        name = "first_name" if self.type == "private" else "title"
        chat: dict[str, Any] = {"id": self.id, "type": self.type, name: self.title}
        if self.username:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat


def member_to_api(user: User, status: Status) -> dict[str, Any]:
    """The ChatMember object of the Bot API, with the fields of its status."""
    member: dict[str, Any] = {"user": user.to_api(), "status": status}
    if status in ADMINISTRATORS:
        member["is_anonymous"] = False
    if status == "administrator":
        rights = (
            "can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members "
            "can_promote_members can_change_info can_invite_users can_post_stories "
            "can_edit_stories can_delete_stories"
        ).split()
        member |= dict.fromkeys(rights, True) | {"can_be_edited": False}
    if status == "kicked":
        member["until_date"] = 0
    return member
