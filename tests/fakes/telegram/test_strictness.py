"""Each rule of the fake detects its offence and accepts correct requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import aiohttp
import pytest
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, RetryAfter

from tests.fakes.telegram import Chat, FakeTelegram, Features, User
from tests.fakes.telegram.clients import client, png


def refused(description: str) -> AbstractContextManager[object]:
    """Expect a BadRequest; the library changes the case of descriptions."""
    return pytest.raises(BadRequest, match=f"(?i){re.escape(description)}")


@pytest.fixture
def ana(server: FakeTelegram) -> User:
    return server.user("Ana", username="ana_lee")


@pytest.fixture
async def chat(server: FakeTelegram, ana: User) -> Chat:
    chat = server.private(ana)
    await server.say(ana, chat, "/start")
    return chat


def keyboard(data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("Continuar", callback_data=data)]])


def bold(offset: int, length: int) -> list[MessageEntity]:
    return [MessageEntity(MessageEntity.BOLD, offset, length)]


SENDS: dict[str, tuple[str, Callable[[Bot, int], Awaitable[object]]]] = {
    "nothing": ("text is empty", lambda bot, chat: bot.send_message(chat, "")),
    "only whitespace": ("text is empty", lambda bot, chat: bot.send_message(chat, " \n ")),
    "too long": ("too long", lambda bot, chat: bot.send_message(chat, "a" * 4097)),
    "too long in UTF-16": ("too long", lambda bot, chat: bot.send_message(chat, "🐉" * 2049)),
    "an entity past the end": (
        "ends after the end of the text",
        lambda bot, chat: bot.send_message(chat, "hola", entities=bold(2, 3)),
    ),
    "an entity behind the end": (
        "begins after the end of the text",
        lambda bot, chat: bot.send_message(chat, "hola", entities=bold(5, 1)),
    ),
    "an entity that begins in a pair": (
        "begins in a middle of a UTF-16 symbol",
        lambda bot, chat: bot.send_message(chat, "🐉🐉", entities=bold(1, 1)),
    ),
    "an entity that ends in a pair": (
        "ends in a middle of a UTF-16 symbol",
        lambda bot, chat: bot.send_message(chat, "🐉🐉", entities=bold(0, 3)),
    ),
    "open HTML": (
        "parse entities: Can't find end tag",
        lambda bot, chat: bot.send_message(chat, "<b>a", parse_mode=ParseMode.HTML),
    ),
    "HTML of something else": (
        "parse entities: Unsupported start tag",
        lambda bot, chat: bot.send_message(chat, "1 <2> 3", parse_mode=ParseMode.HTML),
    ),
    "crossed HTML": (
        "parse entities: Unmatched end tag",
        lambda bot, chat: bot.send_message(chat, "<b><i>a</b></i>", parse_mode=ParseMode.HTML),
    ),
    "open Markdown": (
        "parse entities: Can't find end",
        lambda bot, chat: bot.send_message(chat, "a_b", parse_mode=ParseMode.MARKDOWN),
    ),
    "a bare stop in MarkdownV2": (
        "is reserved and must be escaped",
        lambda bot, chat: bot.send_message(chat, "Hola.", parse_mode=ParseMode.MARKDOWN_V2),
    ),
    "callback data": (
        "BUTTON_DATA_INVALID",
        lambda bot, chat: bot.send_message(chat, "a", reply_markup=keyboard("ñ" * 33)),
    ),
    "no photo": (
        "there is no photo in the request",
        lambda bot, chat: bot.send_photo(chat, "https://ejemplo.es/a.png"),
    ),
    "a photo that is none": (
        "IMAGE_PROCESS_FAILED",
        lambda bot, chat: bot.send_photo(chat, b"png"),
    ),
    "a photo that is too narrow": (
        "PHOTO_INVALID_DIMENSIONS",
        lambda bot, chat: bot.send_photo(chat, png(21, 1)),
    ),
    "a photo that is too large": (
        "PHOTO_INVALID_DIMENSIONS",
        lambda bot, chat: bot.send_photo(chat, png(9000, 1001)),
    ),
    "a photo of too many bytes": (
        "is too big for a photo",
        lambda bot, chat: bot.send_photo(chat, png(1, 1) + b"0" * 10_485_760),
    ),
    "a caption that is too long": (
        "caption is too long",
        lambda bot, chat: bot.send_photo(chat, png(1, 1), "a" * 1025),
    ),
    "a reply to nothing": (
        "message to be replied not found",
        lambda bot, chat: bot.send_message(chat, "a", reply_parameters=ReplyParameters(999)),
    ),
    "a topic in a private chat": (
        "message thread not found",
        lambda bot, chat: bot.send_message(chat, "a", message_thread_id=7),
    ),
    "a chat that is not there": ("chat not found", lambda bot, chat: bot.send_message(5, "a")),
    "an unknown action": (
        "wrong parameter action",
        lambda bot, chat: bot.send_chat_action(chat, "thinking"),
    ),
    "an edit of nothing": (
        "message to edit not found",
        lambda bot, chat: bot.edit_message_text("a", chat, 999),
    ),
    "an edit of another's message": (
        "message can't be edited",
        lambda bot, chat: bot.edit_message_text("a", chat, 1),
    ),
    "a draft without id": (
        "DRAFT_ID_INVALID",
        lambda bot, chat: bot.send_message_draft(chat, 0, "a"),
    ),
    "a command in capitals": (
        "BOT_COMMAND_INVALID",
        lambda bot, chat: bot.set_my_commands([BotCommand("Escribe", "escribe")]),
    ),
    "a command of 33 letters": (
        "BOT_COMMAND_INVALID",
        lambda bot, chat: bot.set_my_commands([BotCommand("a" * 33, "escribe")]),
    ),
    "a command without description": (
        "command description must be non-empty",
        lambda bot, chat: bot.set_my_commands([BotCommand("escribe", "")]),
    ),
    "a command with too much of it": (
        "BOT_COMMAND_DESCRIPTION_INVALID",
        lambda bot, chat: bot.set_my_commands([BotCommand("escribe", "a" * 257)]),
    ),
    "a long description": (
        "DESCRIPTION_TOO_LONG",
        lambda bot, chat: bot.set_my_description("a" * 513),
    ),
}


@pytest.mark.parametrize("name", SENDS)
async def test_refuses_and_records_offences(
    server: FakeTelegram, bot: Bot, chat: Chat, name: str
) -> None:
    description, send = SENDS[name]
    with refused(description):
        await send(bot, chat.id)
    assert len(server.violations) == 1
    assert description in server.violations[0]
    assert server.sent(chat) == []


async def test_accepts_correct_requests(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    await bot.send_message(chat.id, "🐉" * 2048, entities=bold(0, 4096))
    sent = await bot.send_message(chat.id, "🐉 hola ", reply_markup=keyboard("ñ" * 32))
    await sent.edit_text("🐉 adiós", entities=bold(0, 2))
    await sent.edit_reply_markup(keyboard("x"))
    lenient = ReplyParameters(999, allow_sending_without_reply=True)
    await bot.send_message(chat.id, "¿a qué?", reply_parameters=lenient)
    await bot.send_message(chat.id, "<b>a</b> &lt;", parse_mode=ParseMode.HTML)
    await bot.send_message(chat.id, "*a* _b_ \\. `c`", parse_mode=ParseMode.MARKDOWN_V2)
    await sent.delete()
    assert server.violations == []
    html, markdown = server.sent(chat)[-2:]
    assert (html.text, [entity["type"] for entity in html.entities]) == ("a <", ["bold"])
    assert markdown.text == "a b . c"
    assert [entity["type"] for entity in markdown.entities] == ["bold", "italic", "code"]


async def test_edit_must_change_message(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    sent = await bot.send_message(chat.id, "hola", reply_markup=keyboard("x"))
    with refused("message is not modified"):
        await sent.edit_text("hola ", reply_markup=keyboard("x"))
    await sent.edit_text("hola")
    assert len(server.violations) == 1
    assert [version.markup is None for version in server.sent(chat)[0].history] == [False, True]


async def test_deletes_only_within_two_days(server: FakeTelegram, bot: Bot, chat: Chat) -> None:
    sent = await bot.send_message(chat.id, "hola")
    server.advance(48 * 3600 + 1)
    await sent.edit_text("los propios se editan siempre")
    with refused("can't be deleted"):
        await sent.delete()


async def test_first_message_after_block_is_no_offence(
    server: FakeTelegram, bot: Bot, ana: User, chat: Chat
) -> None:
    server.block(ana)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(chat.id, "hola")
    assert server.violations == []
    with pytest.raises(Forbidden):
        await bot.send_message(chat.id, "¿hola?")
    assert len(server.violations) == 1
    server.unblock(ana)
    await bot.send_message(chat.id, "hola")
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [change.new_chat_member.status for change in changes if change] == ["kicked", "member"]


async def test_bot_cannot_begin_conversation(server: FakeTelegram, bot: Bot) -> None:
    stranger = server.private(server.user("Blas"))
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(stranger.id, "hola")


async def test_kicked_bot_cannot_send(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.group("Lectores", ana)
    server.kick(group)
    with pytest.raises(Forbidden, match="bot was kicked from the group chat"):
        await bot.send_message(group.id, "hola")
    assert (await server.say(ana, group, "/escribe")).update_id is None


async def test_bot_that_left_cannot_send(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.supergroup("Lectores", ana)
    await bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.send_message(group.id, "hola")


async def test_migrated_group_reports_new_id(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.group("Lectores", ana)
    successor = server.migrate(group)
    with pytest.raises(ChatMigrated) as raised:
        await bot.send_message(group.id, "hola")
    assert raised.value.new_chat_id == successor.id
    await bot.send_message(successor.id, "hola")
    told = [update.message for update in await bot.get_updates() if update.message]
    assert told[0].migrate_to_chat_id == successor.id
    assert told[1].migrate_from_chat_id == group.id
    assert server.violations == []


async def test_topics_require_thread_and_general_forbids_it(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    forum = server.supergroup("Lectores", ana, topics=("Libros",))
    books = server.topic(forum, "Libros")
    await bot.send_message(forum.id, "aquí", message_thread_id=books)
    await bot.send_message(forum.id, "en General")
    await bot.send_chat_action(forum.id, "typing", message_thread_id=1)
    await bot.send_chat_action(forum.id, "typing")
    assert [action.is_shown for action in server.actions] == [True, False]
    for wrong in (1, 999):
        with refused("message thread not found"):
            await bot.send_message(forum.id, "no", message_thread_id=wrong)
    assert [message.topic for message in server.sent(forum)] == [books, 1]
    assert len(server.violations) == 2


async def test_reply_goes_to_topic_of_its_message(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    forum = server.supergroup("Lectores", ana, topics=("Libros",))
    await server.say(ana, forum, "/a", topic="Libros")
    await server.say(ana, forum, "/b")
    inside, general = [u.message for u in await bot.get_updates() if u.message]
    assert inside.is_topic_message
    assert not general.is_topic_message
    await inside.reply_text("dentro")
    await general.reply_text("fuera")
    assert [message.topic for message in server.sent(forum)] == [inside.message_thread_id, 1]
    assert server.violations == []


async def test_thread_of_reply_is_not_topic(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.supergroup("Lectores", ana)
    first = await server.say(ana, group, "hola")
    await server.say(ana, group, "/escribe", reply_to=first)
    (asked,) = [u.message for u in await bot.get_updates() if u.message]
    assert asked.message_thread_id == first.id
    assert not asked.is_topic_message
    with refused("message thread not found"):
        await bot.send_message(group.id, "a", message_thread_id=asked.message_thread_id)


async def test_plain_text_mentions_ping_members(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.group("Lectores", ana)
    plain = await bot.send_message(group.id, "Decía @Ana_Lee a @nadie", entities=bold(0, 5))
    await bot.send_message(group.id, "Decía @ana_lee", entities=[MessageEntity("code", 6, 8)])
    assert [message.pings for message in server.sent(group)] == [["@ana_lee"], []]
    assert [entity.type for entity in plain.entities] == ["bold", "mention", "mention"]


async def test_links_have_previews_unless_disabled(
    server: FakeTelegram, bot: Bot, chat: Chat
) -> None:
    await bot.send_message(chat.id, "Lee https://example.org/a y ejemplo.es.")
    await bot.send_message(
        chat.id, "https://example.org", link_preview_options=LinkPreviewOptions(is_disabled=True)
    )
    shown, hidden = server.sent(chat)
    assert shown.previews == ["https://example.org/a", "ejemplo.es"]
    assert hidden.previews == []


def article(number: str, text: str = "hola") -> InlineQueryResultArticle:
    return InlineQueryResultArticle(number, "título", InputTextMessageContent(text))


@pytest.mark.parametrize(
    ("results", "description"),
    [
        ([article(str(n)) for n in range(51)], "RESULTS_TOO_MUCH"),
        ([article("a"), article("a")], "RESULT_ID_DUPLICATE"),
        ([article("ñ" * 33)], "RESULT_ID_INVALID"),
        ([article("a", " ")], "MESSAGE_TEXT_EMPTY"),
        ([article("a", "a" * 4097)], "message is too long"),
    ],
)
async def test_validates_inline_results(
    server: FakeTelegram,
    bot: Bot,
    ana: User,
    results: list[InlineQueryResultArticle],
    description: str,
) -> None:
    query = await server.inline(ana, "En un lugar")
    with refused(description):
        await bot._post("answerInlineQuery", {"inline_query_id": query.id, "results": results})
    assert len(server.violations) == 1


async def test_query_is_answered_once_and_in_time(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    query = await server.inline(ana, "En un lugar")
    await bot.answer_inline_query(query.id, [article("a")])
    with refused("query is too old"):
        await bot.answer_inline_query(query.id, [article("b")])
    late = await server.inline(ana, "En un lugar de")
    server.advance(16)
    with refused("query is too old"):
        await bot.answer_inline_query(late.id, [article("a")])
    assert len(server.violations) == 2


async def test_private_chat_limit_per_second() -> None:
    async with FakeTelegram() as server, client(server) as bot:
        ana = server.user("Ana")
        chat = server.private(ana)
        await server.say(ana, chat, "/start")
        sent = [await bot.send_message(chat.id, str(n)) for n in range(2)]
        await sent[0].edit_text("las ediciones cuentan")
        with pytest.raises(RetryAfter) as raised:
            await bot.send_message(chat.id, "demasiado")
        assert raised.value.retry_after == timedelta(seconds=1)
        with pytest.raises(RetryAfter):
            await bot.send_chat_action(chat.id, "typing")
        assert [flooded.method for flooded in server.flooded] == ["sendmessage", "sendchataction"]
        server.advance(1)
        await bot.send_message(chat.id, "ahora sí")
        assert server.violations == []


async def test_group_limit_per_minute() -> None:
    async with FakeTelegram() as server, client(server) as bot:
        server.limits.burst = 100
        group = server.group("Lectores", server.user("Ana"))
        for number in range(20):
            await bot.send_message(group.id, str(number))
        with pytest.raises(RetryAfter):
            await bot.send_message(group.id, "veintiuno")
        assert 55 <= server.flooded[0].retry_after <= 60
        other = server.group("Escritores", server.user("Blas"))
        server.advance(1)
        await bot.send_message(other.id, "otro grupo")
        server.advance(60)
        await bot.send_message(group.id, "veintiuno")


async def test_total_limit_per_second() -> None:
    async with FakeTelegram() as server, client(server) as bot:
        server.limits.per_second = server.limits.burst = 100
        people = [server.user(f"P{number}") for number in range(31)]
        for user in people:
            await server.say(user, server.private(user), "/start")
        for user in people[:30]:
            await bot.send_message(user.id, "hola")
        with pytest.raises(RetryAfter):
            await bot.send_message(people[30].id, "hola")


async def test_accepts_all_parameter_encodings(server: FakeTelegram, chat: Chat) -> None:
    url, values = f"{server.base}/bot{server.token}/SENDMESSAGE", {"chat_id": str(chat.id)}
    multipart = aiohttp.FormData(values, default_to_multipart=True)
    multipart.add_field("text", "cuatro")
    async with aiohttp.ClientSession() as session:
        answers = [
            await session.get(url, params=values | {"text": "uno"}),
            await session.post(url, data=values | {"text": "dos"}),
            await session.post(url, json={"chat_id": chat.id, "text": "tres"}),
            await session.post(url, data=multipart),
            await session.post(url, data="{", headers={"Content-Type": "application/json"}),
        ]
        assert [answer.status for answer in answers] == [200] * 4 + [400]
    assert [message.text for message in server.sent(chat)] == ["uno", "dos", "tres", "cuatro"]


async def test_unknown_methods_are_not_found(server: FakeTelegram, bot: Bot) -> None:
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendNothing")
    assert len(server.violations) == 1


async def test_reports_features() -> None:
    features = Features(supports_inline_queries=False, supports_guest_queries=False)
    async with FakeTelegram(features=features) as other, client(other) as bot:
        assert not bot.supports_inline_queries
        assert not bot.bot.supports_guest_queries
