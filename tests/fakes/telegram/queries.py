"""Callback, inline and guest queries, and the methods that answer them.

A query is answered once and in time: after `lifetime` seconds, and after its answer, Telegram
reports that it is too old. The documentation gives no number; clients wait about fifteen
seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.fakes.telegram.chats import Chat, User
from tests.fakes.telegram.entities import Entity, formatted
from tests.fakes.telegram.errors import bad_request
from tests.fakes.telegram.markup import keyboard, parsed
from tests.fakes.telegram.messages import Message
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.world import World

MAX_RESULTS = 50
MAX_RESULT_ID = 64  # bytes
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(frozen=True)
class CallbackAnswer:
    """The result of a press for the user: nothing, a toast, or an alert."""

    text: str
    alert: bool
    url: str


@dataclass(frozen=True)
class Article:
    """A result of an inline query; only text messages are supported."""

    id: str
    title: str
    description: str
    text: str
    entities: list[Entity]
    markup: dict[str, Any] | None
    link_preview: dict[str, Any]


@dataclass(frozen=True)
class InlineAnswer:
    """The results above the input field."""

    results: list[Article]
    cache_time: int
    is_personal: bool
    next_offset: str
    button: dict[str, Any] | None


@dataclass(eq=False)
class Query:
    """A query for the bot. `answered` has every accepted answer."""

    world: World
    id: str
    user: User
    asked_at: float
    lifetime: float
    update_id: int = 0
    answered: list[Any] = field(default_factory=list)
    answered_at: float | None = None


@dataclass(eq=False)
class Callback(Query):
    """A press of a button."""

    data: str = ""

    async def answer(self, seconds: float = 5.0) -> CallbackAnswer:
        """Wait for answerCallbackQuery."""
        return await _answer(self, CallbackAnswer, seconds, f"answer to the button {self.data!r}")


@dataclass(eq=False)
class InlineQuery(Query):
    """`@bot text` typed in any chat."""

    text: str = ""

    async def answer(self, seconds: float = 5.0) -> InlineAnswer:
        """Wait for answerInlineQuery."""
        return await _answer(self, InlineAnswer, seconds, f"answer to the inline {self.text!r}")


@dataclass(eq=False)
class GuestQuery(Query):
    """A message that mentions the bot in a chat where it is a guest."""

    message: Message | None = None

    async def answer(self, seconds: float = 5.0) -> Message:
        """Wait for answerGuestQuery; the posted message."""
        return await _answer(self, Message, seconds, f"answer to the guest message {self.id}")


T = TypeVar("T")
Q = TypeVar("Q", bound=Query)


async def _answer(query: Query, kind: type[T], seconds: float, what: str) -> T:
    await query.world.changes.until(lambda: bool(query.answered), seconds, what)
    answer = query.answered[0]
    assert isinstance(answer, kind)
    return answer


class Queries:
    """The open queries. Methods are Bot API methods in snake case."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: dict[str, Query] = {}
        self.inline_messages: dict[str, Message] = {}

    def ask(self, query: Query) -> None:
        """Keep a query until it is answered."""
        self._open[query.id] = query

    async def answer_callback_query(self, parameters: Parameters) -> bool:
        text = parameters.text("text")
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        query = self._take(parameters.text("callback_query_id"), Callback)
        answer = CallbackAnswer(text, parameters.flag("show_alert"), parameters.text("url"))
        return self._answered(query, answer)

    async def answer_inline_query(self, parameters: Parameters) -> bool:
        given = parameters.structure("results")
        if not isinstance(given, list):
            raise bad_request("can't parse results: expected an Array of inline query results")
        if len(given) > MAX_RESULTS:
            raise bad_request("RESULTS_TOO_MUCH")
        if len(parameters.text("next_offset").encode()) > 64:
            raise bad_request("NEXT_OFFSET_INVALID")
        results = [_article(result) for result in given]
        if len({result.id for result in results}) < len(results):
            raise bad_request("RESULT_ID_DUPLICATE")
        query = self._take(parameters.text("inline_query_id"), InlineQuery)
        answer = InlineAnswer(
            results,
            parameters.integer("cache_time", 300),
            parameters.flag("is_personal"),
            parameters.text("next_offset"),
            parameters.structure("button"),
        )
        return self._answered(query, answer)

    async def answer_guest_query(self, parameters: Parameters) -> dict[str, str]:
        result = _article(parameters.structure("result"))
        query = self._take(parameters.text("guest_query_id"), GuestQuery)
        assert query.message is not None
        message = self.put(result, query.message.chat, self._world.bot, reply_to=query.message)
        message.extra["guest_bot_caller_user"] = query.user.to_api()
        self._answered(query, message)
        return {"inline_message_id": str(message.inline_id)}

    def put(self, result: Article, chat: Chat, sender: User, **fields: Any) -> Message:
        """Post a result as a message that the bot may edit by its inline_message_id."""
        message = self._world.post(
            chat,
            sender,
            result.text,
            entities=result.entities,
            markup=result.markup,
            link_preview=result.link_preview,
            inline_id=f"inline-{self._world.fresh()}",
            **fields,
        )
        self.inline_messages[str(message.inline_id)] = message
        return message

    def _take(self, number: str, kind: type[Q]) -> Q:
        query = self._open.get(number)
        if not isinstance(query, kind):
            raise bad_request(_TOO_OLD)
        if query.answered or self._world.clock.now() - query.asked_at > query.lifetime:
            raise bad_request(_TOO_OLD)
        return query

    def _answered(self, query: Query, answer: Any) -> bool:
        query.answered.append(answer)
        query.answered_at = self._world.clock.now()
        self._world.changes.happened()
        return True


def _article(result: Any) -> Article:
    if not isinstance(result, dict) or not result.get("type"):
        raise bad_request("can't parse inline query result: Can't find field \"type\"")
    number = str(result.get("id", ""))
    if not 1 <= len(number.encode()) <= MAX_RESULT_ID:
        raise bad_request("RESULT_ID_INVALID")
    if result["type"] != "article":
        raise bad_request(f"inline results of type {result['type']!r} are not supported here")
    if not result.get("title"):
        raise bad_request("can't parse inline query result: Can't find field \"title\"")
    content = result.get("input_message_content") or {}
    if "message_text" not in content:
        raise bad_request("can't parse inline query result: Can't find field \"message_text\"")
    text, entities = parsed(content["message_text"], content.get("parse_mode") or "")
    text, entities = formatted(
        text, content.get("entities") or entities, empty="MESSAGE_TEXT_EMPTY"
    )
    return Article(
        number,
        result["title"],
        result.get("description", ""),
        text,
        entities,
        keyboard(result.get("reply_markup")),
        content.get("link_preview_options") or {},
    )
