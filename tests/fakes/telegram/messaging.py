"""Methods that send, edit and delete messages, and methods about chats."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram.chats import ADMINISTRATORS, GENERAL, Chat, member_to_api
from tests.fakes.telegram.entities import Entity, formatted, units
from tests.fakes.telegram.errors import ApiError, bad_request
from tests.fakes.telegram.markup import keyboard, parsed
from tests.fakes.telegram.messages import Action, Draft, Message, Version
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.photos import photo_of
from tests.fakes.telegram.queries import Queries
from tests.fakes.telegram.world import World

MOST_CAPTION = 1024  # UTF-16 code units
DELETABLE_FOR = 48 * 3600.0
_ACTIONS = set(
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document "
    "choose_sticker find_location record_video_note upload_video_note".split()
)
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


class Messaging:
    """Messages and chats. Methods are Bot API methods in snake case."""

    def __init__(self, world: World, queries: Queries) -> None:
        self._world, self._queries = world, queries

    async def send_message(self, parameters: Parameters) -> dict[str, Any]:
        text, entities = _text(parameters)
        markup = keyboard(parameters.structure("reply_markup"))
        chat = self._writable(parameters)
        reply_to = self._reply(parameters, chat)
        topic = self._topic(parameters, chat, reply_to)
        message = self._world.post(
            chat,
            self._world.bot,
            text,
            entities=entities,
            markup=markup,
            link_preview=_link_preview(parameters),
            reply_to=reply_to,
            topic=topic,
            silent=parameters.flag("disable_notification"),
        )
        return message.to_api()

    async def send_photo(self, parameters: Parameters) -> dict[str, Any]:
        photo = photo_of(parameters.values.get("photo"))
        markup = keyboard(parameters.structure("reply_markup"))
        caption = parameters.text("caption")
        if units(caption) > MOST_CAPTION:
            raise bad_request("message caption is too long")
        caption, marked = parsed(caption, parameters.text("parse_mode"))
        given = marked or parameters.structure("caption_entities") or []
        text, entities = formatted(caption, given) if caption else ("", [])
        chat = self._writable(parameters)
        if not chat.takes_photos and chat.status(self._world.bot) not in ADMINISTRATORS:
            # The client cannot know in advance.
            raise bad_request("not enough rights to send photos to the chat", offence=False)
        reply_to = self._reply(parameters, chat)
        message = self._world.post(
            chat,
            self._world.bot,
            text,
            entities=entities,
            markup=markup,
            reply_to=reply_to,
            topic=self._topic(parameters, chat, reply_to),
            silent=parameters.flag("disable_notification"),
            photo=photo,
        )
        return message.to_api()

    async def send_message_draft(self, parameters: Parameters) -> bool:
        chat = self._writable(parameters)
        if chat.type != "private":
            raise bad_request("method is available only in private chats")
        if not (number := parameters.integer("draft_id")):
            raise bad_request("DRAFT_ID_INVALID")
        text = parameters.text("text")
        if text:
            text, _ = _text(parameters)
        self._topic(parameters, chat, None)
        now, can_stop = self._world.clock.now(), parameters.flag("can_stop")
        chat.drafts.append(Draft(chat, number, text, can_stop, now))
        self._world.changes.happened()
        return True

    async def send_chat_action(self, parameters: Parameters) -> bool:
        chat = self._writable(parameters)
        action = parameters.text("action")
        if action not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        # Only this method accepts the General topic's id.
        topic: int | None = parameters.integer("message_thread_id") or None
        if topic is not None and not (chat.is_forum and topic in {GENERAL, *chat.topics}):
            raise bad_request("invalid topic identifier specified")
        self._world.actions.append(Action(chat, action, topic, self._world.clock.now()))
        self._world.changes.happened()
        return True

    async def edit_message_text(self, parameters: Parameters) -> dict[str, Any] | bool:
        text, entities = _text(parameters)
        message = self._editable(parameters)
        if message.photo is not None:
            raise bad_request("there is no text in the message to edit")
        markup = keyboard(parameters.structure("reply_markup"))
        return self._revised(message, text, entities, markup, _link_preview(parameters))

    async def edit_message_reply_markup(self, parameters: Parameters) -> dict[str, Any] | bool:
        message = self._editable(parameters)
        markup = keyboard(parameters.structure("reply_markup"))
        preview = message.history[-1].link_preview
        return self._revised(message, message.text, message.entities, markup, preview)

    async def delete_message(self, parameters: Parameters) -> bool:
        chat = self._writable(parameters)
        message = chat.messages.get(parameters.integer("message_id"))
        if message is None or message.deleted:
            raise bad_request("message to delete not found", offence=message is None)
        ours = message.sender is self._world.bot
        boss = chat.status(self._world.bot) in ADMINISTRATORS
        old = self._world.clock.now() - message.date > DELETABLE_FOR
        if old or not (ours or boss or chat.type == "private"):
            raise bad_request("message can't be deleted")
        message.deleted = True
        self._world.changes.happened()
        return True

    async def get_chat(self, parameters: Parameters) -> dict[str, Any]:
        chat = self._readable(parameters)
        return chat.to_api() | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(
                "unlimited_gifts limited_gifts unique_gifts premium_subscription "
                "gifts_from_channels".split(),
                False,
            ),
        }

    async def get_chat_member(self, parameters: Parameters) -> dict[str, Any]:
        chat = self._readable(parameters)
        user = self._world.users.get(parameters.integer("user_id"))
        if user is None:
            raise bad_request("invalid user_id specified")
        return member_to_api(user, chat.status(user))

    async def get_chat_administrators(self, parameters: Parameters) -> list[dict[str, Any]]:
        chat = self._readable(parameters)
        if chat.type == "private":
            raise bad_request("there are no administrators in the private chat")
        return [
            member_to_api(self._world.users[number], status)
            for number, status in chat.members.items()
            if status in ADMINISTRATORS
        ]

    async def get_chat_member_count(self, parameters: Parameters) -> int:
        chat = self._readable(parameters)
        return sum(chat.has(self._world.users[number]) for number in chat.members)

    async def leave_chat(self, parameters: Parameters) -> bool:
        chat = self._writable(parameters)
        if chat.type == "private":
            raise bad_request("chat member status can't be changed in private chats")
        self._world.member_changed(chat, self._world.bot, "left")
        return True

    def find(self, parameters: Parameters) -> Chat | None:
        """The chat of a request, or None; raises no error."""
        number = parameters.text("chat_id")
        if number.startswith("@"):
            return self._world.named(number)
        return self._world.chats.get(parameters.integer("chat_id"))

    def _readable(self, parameters: Parameters) -> Chat:
        if not parameters.text("chat_id"):
            raise bad_request("chat_id is empty")
        chat = self.find(parameters)
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def _writable(self, parameters: Parameters) -> Chat:
        chat = self._readable(parameters)
        status = chat.status(self._world.bot)
        if chat.migrated_to is not None:
            why = "group chat was upgraded to a supergroup chat"
            raise self._told(chat, 400, why, migrate_to_chat_id=chat.migrated_to)
        if chat.type == "private" and status == "left":
            raise self._told(chat, 403, "bot can't initiate conversation with a user")
        if chat.type == "private" and status == "kicked":
            raise self._told(chat, 403, "bot was blocked by the user")
        if status == "kicked":
            raise self._told(chat, 403, f"bot was kicked from the {chat.type} chat")
        if status == "left":
            raise self._told(chat, 403, f"bot is not a member of the {chat.type} chat")
        if chat.type == "channel" and status not in ADMINISTRATORS:
            raise self._told(chat, 400, "need administrator rights in the channel chat")
        return chat

    def _told(self, chat: Chat, code: int, description: str, **parameters: int) -> ApiError:
        # The client learns it from the first refusal.
        offence = chat.id in self._world.told
        self._world.told.add(chat.id)
        return ApiError(code, description, offence=offence, **parameters)

    def _reply(self, parameters: Parameters, chat: Chat) -> Message | None:
        wanted = parameters.structure("reply_parameters") or {}
        number = int(wanted.get("message_id", 0)) or parameters.integer("reply_to_message_id")
        if not number:
            return None
        lenient = wanted.get("allow_sending_without_reply") or parameters.flag(
            "allow_sending_without_reply"
        )
        message = chat.messages.get(number)
        if message is None or message.deleted:
            if not lenient:
                raise bad_request("message to be replied not found")
            return None
        return message

    def _topic(self, parameters: Parameters, chat: Chat, reply_to: Message | None) -> int | None:
        # A reply goes to the topic of its message.
        number = parameters.integer("message_thread_id")
        if not number:
            return reply_to.topic if reply_to else GENERAL if chat.is_forum else None
        if not chat.is_forum or number not in chat.topics:
            raise bad_request("message thread not found")
        return number

    def _editable(self, parameters: Parameters) -> Message:
        # Age does not limit edits of the bot's own messages.
        if number := parameters.text("inline_message_id"):
            if number not in self._queries.inline_messages:
                raise bad_request("MESSAGE_ID_INVALID")
            return self._queries.inline_messages[number]
        chat = self._writable(parameters)
        message = chat.messages.get(parameters.integer("message_id"))
        if message is None or message.deleted:
            # A user may have deleted it.
            raise bad_request("message to edit not found", offence=message is None)
        if message.sender is not self._world.bot:
            raise bad_request("message can't be edited")
        return message

    def _revised(
        self,
        message: Message,
        text: str,
        entities: list[Entity],
        markup: dict[str, Any] | None,
        preview: dict[str, Any],
    ) -> dict[str, Any] | bool:
        version = Version(text, entities, markup, preview, self._world.clock.now())
        current = message.history[-1]
        if (text, entities, markup) == (current.text, current.entities, current.markup):
            raise bad_request(_NOT_MODIFIED)
        self._world.revise(message, version)
        return True if message.inline_id else message.to_api()


def _text(parameters: Parameters) -> tuple[str, list[Entity]]:
    given = parameters.structure("entities") or []
    text, entities = parsed(parameters.text("text"), parameters.text("parse_mode"))
    # A parse mode overrides `entities`.
    return formatted(text, entities if parameters.text("parse_mode") else given)


def _link_preview(parameters: Parameters) -> dict[str, Any]:
    if parameters.flag("disable_web_page_preview"):
        return {"is_disabled": True}
    return parameters.structure("link_preview_options") or {}
