"""Users' actions in their Telegram apps, as coroutines for tests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from tests.fakes.telegram.chats import ADMINISTRATORS, GENERAL, Chat, Status, User
from tests.fakes.telegram.delivery import Delivery
from tests.fakes.telegram.entities import covered, detected
from tests.fakes.telegram.messages import Draft, Message, Version
from tests.fakes.telegram.profile import Commands, Profile
from tests.fakes.telegram.queries import Callback, GuestQuery, InlineQuery, Queries
from tests.fakes.telegram.updates import Updates
from tests.fakes.telegram.world import World

# The sender of messages from anonymous administrators.
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
_FIRST_CHANNEL = -1_000_000_000_000


class People:
    """All events from outside the bot, and waiting for the bot's responses.

    callback_seconds, inline_seconds: how long a query waits for its answer."""

    def __init__(
        self,
        world: World,
        updates: Updates,
        delivery: Delivery,
        queries: Queries,
        profile: Profile,
    ) -> None:
        self.world, self.updates, self.delivery = world, updates, delivery
        self.callback_seconds = 15.0
        self.inline_seconds = 15.0
        self._queries, self._profile = queries, profile

    # -- users and chats -----------------------------------------------------------------------

    def user(self, name: str, *, language: str | None = "es", username: str | None = None) -> User:
        """Create a user; the username derives from the name unless given ("" for none)."""
        made = re.sub(r"\W", "", name.lower()) + "_user" if username is None else username
        user = User(self.world.fresh(), name, made or None, language)
        self.world.users[user.id] = user
        return user

    def private(self, user: User) -> Chat:
        """The user's private chat with the bot. It begins with their first message."""
        if user.id in self.world.chats:
            return self.world.chats[user.id]
        return self.world.chat(
            user.id, "private", user.first_name, username=user.username, members={user.id: "member"}
        )

    def group(self, title: str, *members: User, bot: Status = "member") -> Chat:
        """Create a basic group; the first member is its creator, and added the bot unless it has
        `left`."""
        return self._gathered(-self.world.fresh(), "group", title, members, bot)

    def supergroup(
        self, title: str, *members: User, topics: tuple[str, ...] = (), bot: Status = "member"
    ) -> Chat:
        """Create a supergroup; with `topics` it is a forum, which has General too."""
        number = _FIRST_CHANNEL - self.world.fresh()
        chat = self._gathered(number, "supergroup", title, members, bot)
        chat.is_forum = bool(topics)
        for topic in topics:
            self.topic(chat, topic)
        return chat

    def channel(self, title: str, *members: User, bot: Status = "administrator") -> Chat:
        """Create a channel."""
        number = _FIRST_CHANNEL - self.world.fresh()
        return self._gathered(number, "channel", title, members, bot)

    def topic(self, chat: Chat, name: str) -> int:
        """Open a topic in a forum, or look it up; its message_thread_id."""
        for number, known in chat.topics.items():
            if known == name:
                return number
        # A topic's id is that of the message that opened it, so no other message has it.
        number = next(number for number in chat.ids if number > GENERAL)
        chat.topics[number] = name
        chat.is_forum = True
        return number

    def promote(self, chat: Chat, user: User, status: Status = "administrator") -> None:
        """Set a member's status, that of the bot included; administrator by default."""
        if user is self.world.bot:
            self.world.member_changed(chat, self._owner(chat), status)
        else:
            chat.members[user.id] = status

    def join(self, chat: Chat, user: User) -> None:
        """Add a user."""
        chat.members[user.id] = "member"

    def kick(self, chat: Chat) -> None:
        """Remove the bot from a group."""
        self.world.member_changed(chat, self._owner(chat), "kicked")

    def block(self, user: User) -> None:
        """Block the bot."""
        self.world.member_changed(self.private(user), user, "kicked")

    def unblock(self, user: User) -> None:
        """Unblock the bot."""
        self.world.member_changed(self.private(user), user, "member")

    def migrate(self, group: Chat) -> Chat:
        """Convert the group to a supergroup with another id, which is returned."""
        number = _FIRST_CHANNEL - self.world.fresh()
        successor = self.world.chat(number, "supergroup", group.title, members=dict(group.members))
        group.migrated_to = number
        owner = self._owner(group)
        for chat, service in (
            (group, {"migrate_to_chat_id": number}),
            (successor, {"migrate_from_chat_id": group.id}),
        ):
            message = self.world.post(chat, owner, "", extra=service)
            message.update_id = self.world.update("message", message.to_api())
        return successor

    def other_bot_speaks(self, chat: Chat) -> None:
        """Send a message of another bot: it receives bare commands until this bot sends again."""
        chat.ours_spoke_last = False

    # -- actions -------------------------------------------------------------------------------

    async def say(
        self,
        user: User,
        chat: Chat,
        text: str,
        *,
        reply_to: Message | None = None,
        topic: str | None = None,
        ago: float = 0.0,
        anonymous: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> Message:
        """Send a message. Its `update_id` is None if privacy mode hides it from the bot.

        ago: seconds since it was sent, for messages that waited during an absence of the bot.
        anonymous: as an anonymous administrator of the group.
        extra: other fields of the Message object, such as a photo and its caption."""
        await asyncio.sleep(0)
        fields = {"sender_chat": chat.to_api()} if anonymous else {}
        message = self.world.post(
            chat,
            ANONYMOUS if anonymous else user,
            text,
            reply_to=reply_to,
            topic=self._thread(chat, topic, reply_to),
            ago=ago,
            extra=fields | (extra or {}),
        )
        if chat.type == "private" and chat.status(self.world.bot) == "left":
            chat.members[self.world.bot.id] = "member"  # the first message starts the bot
        if self._reaches_bot(message):
            kind = "channel_post" if chat.type == "channel" else "message"
            message.update_id = self.world.update(kind, message.to_api())
        return message

    async def edit(self, user: User, message: Message, text: str) -> int | None:
        """Edit the user's own message; the update's id, or None if the bot does not receive it."""
        await asyncio.sleep(0)
        assert message.sender is user, "people edit their own messages"
        now = self.world.clock.now()
        self.world.revise(message, Version(text, detected(text), None, {}, now))
        if not self._reaches_bot(message):
            return None
        return self.world.update("edited_message", message.to_api())

    async def delete(self, message: Message) -> None:
        """Delete a message; the bot receives no update."""
        await asyncio.sleep(0)
        message.deleted = True
        self.world.changes.happened()

    async def press(self, user: User, message: Message, label: str) -> Callback:
        """Press the button with this label."""
        return await self.forge_press(user, message, message.button(label)["callback_data"])

    async def forge_press(self, user: User, message: Message, data: str) -> Callback:
        """Send a callback with arbitrary data, as a modified client can."""
        await asyncio.sleep(0)
        callback = Callback(**self._question(user, self.callback_seconds), data=data)
        self._queries.ask(callback)
        body: dict[str, Any] = {
            "id": callback.id,
            "from": user.to_api(),
            "chat_instance": str(message.chat.id),
            "data": data,
        }
        if message.inline_id:
            body["inline_message_id"] = message.inline_id
        elif message.deleted:
            gone = {"message_id": message.id, "chat": message.chat.to_api(), "date": 0}
            body["message"] = gone
        else:
            body["message"] = message.to_api()
        callback.update_id = self.world.update("callback_query", body)
        return callback

    async def inline(
        self, user: User, text: str, *, offset: str = "", chat_type: str = "sender"
    ) -> InlineQuery:
        """Type `@bot text` in any chat."""
        await asyncio.sleep(0)
        assert self.world.features.supports_inline_queries, "inline mode is off"
        query = InlineQuery(**self._question(user, self.inline_seconds), text=text)
        self._queries.ask(query)
        body = {"id": query.id, "from": user.to_api(), "query": text, "offset": offset}
        query.update_id = self.world.update("inline_query", body | {"chat_type": chat_type})
        return query

    async def choose(self, query: InlineQuery, result_id: str, chat: Chat) -> Message:
        """Choose a result, which is posted in `chat`. The bot receives a chosen_inline_result (with
        `inline_feedback`), and the message if it is a member."""
        await asyncio.sleep(0)
        answer = await query.answer()
        result = next(result for result in answer.results if result.id == result_id)
        message = self._queries.put(result, chat, query.user, via_bot=self.world.bot)
        if result.markup is None:
            # Without a keyboard the bot gets no inline_message_id.
            self._queries.inline_messages.pop(str(message.inline_id))
            message.inline_id = None
        if self.world.features.inline_feedback:
            chosen = {
                "result_id": result_id,
                "from": query.user.to_api(),
                "query": query.text,
            }
            if message.inline_id:
                chosen["inline_message_id"] = message.inline_id
            self.world.update("chosen_inline_result", chosen)
        if chat.has(self.world.bot):
            message.update_id = self.world.update("message", message.to_api())
        return message

    async def guest(
        self, user: User, chat: Chat, text: str, *, reply_to: Message | None = None
    ) -> GuestQuery:
        """Mention the bot in a chat where it need not be a member: a guest message (Bot API
        10.0)."""
        await asyncio.sleep(0)
        assert self.world.features.supports_guest_queries, "guest mode is off"
        assert f"@{self.world.bot.username}".lower() in text.lower(), "mention the bot"
        message = self.world.post(chat, user, text, reply_to=reply_to)
        query = GuestQuery(**self._question(user, self.inline_seconds), message=message)
        self._queries.ask(query)
        message.extra["guest_query_id"] = query.id
        query.update_id = self.world.update("guest_message", message.to_api())
        message.update_id = query.update_id
        return query

    async def stop(self, draft: Draft) -> int:
        """Press Stop on a draft that permits it (Bot API 10.3); the update's id."""
        await asyncio.sleep(0)
        assert draft.can_stop, "this draft has no Stop"
        body = {"chat": draft.chat.to_api(), "draft_id": draft.id}
        return self.world.update("stopped_message_generation", body)

    def malformed_update(self, raw: dict[str, Any]) -> int:
        """Queue an update with arbitrary content; its id is added."""
        return self.updates.push_raw(raw)

    # -- observation ---------------------------------------------------------------------------

    async def connected(self, seconds: float = 20.0, *, again: bool = False) -> None:
        """Wait for the first getUpdates or setWebhook; with `again`, for the next one, as after a
        restart."""
        before = self.delivery.connections if again else 0
        what = "getUpdates or setWebhook"
        await self.world.changes.until(lambda: self.delivery.connections > before, seconds, what)

    async def reply_to(self, message: Message, seconds: float = 10.0) -> Message:
        """Wait for the bot's first answer to this message: a reply, or in a private chat a later
        message that is no reply."""
        what = f"answer to {message.text!r}"
        return await self.world.changes.until(
            lambda: next(iter(self.replies_to(message)), None), seconds, what
        )

    def replies_to(self, message: Message) -> list[Message]:
        """All answers to a message so far, as in `reply_to`, without deleted ones."""
        private = message.chat.type == "private"
        return [
            other
            for other in self.sent(message.chat)
            if other.reply_to is message
            or (private and other.reply_to is None and other.id > message.id)
        ]

    def sent(self, chat: Chat) -> list[Message]:
        """All messages of the bot in the chat, without deleted ones."""
        return [
            message
            for message in chat.messages.values()
            if message.sender is self.world.bot and not message.deleted
        ]

    async def settled(
        self,
        where: Message | Chat,
        says: Callable[[str], bool] = bool,
        *,
        seconds: float = 10.0,
        still: float = 0.0,
    ) -> Message:
        """Wait until the message, or a message of the bot in the chat, has a text that satisfies
        `says`; with `still`, until that text has not changed for `still` seconds."""

        def found() -> Message | None:
            messages = [where] if isinstance(where, Message) else self.sent(where)
            return next((message for message in messages if says(message.text)), None)

        what = "text that says what was awaited"
        while True:
            message = await self.world.changes.until(found, seconds, what)
            states = len(message.history)
            await asyncio.sleep(still)
            if len(message.history) == states:
                return message

    async def took(self, update_id: int, seconds: float = 10.0) -> None:
        """Wait until the client has confirmed an update."""
        what = f"confirmation of update {update_id}"
        await self.world.changes.until(lambda: self.confirmed(update_id), seconds, what)

    def confirmed(self, update_id: int) -> bool:
        """Whether the client has confirmed the update, which therefore never repeats."""
        return update_id in self.updates.confirmed

    def commands_for(self, user: User, chat: Chat, language: str | None = None) -> Commands:
        """The user's command menu there, in their own language unless given."""
        code = user.language_code if language is None else language
        return self._profile.commands_for(user, chat, code or "")

    # -- internals -----------------------------------------------------------------------------

    def _gathered(
        self, number: int, kind: str, title: str, members: tuple[User, ...], bot: Status
    ) -> Chat:
        roles: dict[int, Status] = {user.id: "member" for user in members}
        if members:
            roles[members[0].id] = "creator"
        chat = self.world.chat(number, kind, title, members=roles)
        if bot != "left":
            self.world.member_changed(chat, self._owner(chat), bot)
        return chat

    def _owner(self, chat: Chat) -> User:
        for number, status in chat.members.items():
            if status == "creator":
                return self.world.users[number]
        return self.world.bot

    def _question(self, user: User, lifetime: float) -> dict[str, Any]:
        now = self.world.clock.now()
        return {
            "world": self.world,
            "id": str(self.world.fresh()),
            "user": user,
            "asked_at": now,
            "lifetime": lifetime,
        }

    def _thread(self, chat: Chat, topic: str | None, reply_to: Message | None) -> int | None:
        if not chat.is_forum:
            assert topic is None, f"{chat.title} has no topics"
            return None
        if topic is None:
            return reply_to.topic if reply_to else GENERAL
        return GENERAL if topic == "General" else self.topic(chat, topic)

    def _reaches_bot(self, message: Message) -> bool:
        """Privacy mode, after core.telegram.org/bots/features#privacy-mode."""
        chat, bot = message.chat, self.world.bot
        if not chat.has(bot):
            return False
        if not chat.is_group or chat.status(bot) in ADMINISTRATORS:
            return True
        if self.world.features.can_read_all_group_messages:
            return True
        if message.reply_to is not None and bot in (
            message.reply_to.sender,
            message.reply_to.via_bot,
        ):
            return True
        for entity in message.entities:
            if entity["type"] == "bot_command":
                _, _, addressee = covered(message.text, entity).partition("@")
                if addressee.lower() == (bot.username or "").lower():
                    return True
                if not addressee and chat.ours_spoke_last:
                    return True
        return False
