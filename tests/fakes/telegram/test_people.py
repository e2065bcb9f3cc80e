"""Users' actions reach the bot, and its answers reach the users."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    Update,
)
from telegram.error import BadRequest

from tests.fakes.telegram import FakeTelegram, Features, User
from tests.fakes.telegram.clients import png

CONTINUE = InlineKeyboardMarkup([[InlineKeyboardButton("Continuar", callback_data="more:1")]])


@pytest.fixture
def ana(server: FakeTelegram) -> User:
    return server.user("Ana")


async def latest(bot: Bot) -> Update:
    (update,) = await bot.get_updates(offset=-1, timeout=2)
    return update


async def test_privacy_mode_passes_messages_for_bot(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    group = server.group("Lectores", ana)
    ours = await bot.send_message(group.id, "hola")
    (sent,) = server.sent(group)
    reaching = ["/escribe hola", "oye /escribe@LitteraGPT_bot hola"]
    others = ["hola", "@litteragpt_bot hola", "/escribe@otro_bot hola", "a/escribe"]
    for text in reaching:
        assert (await server.say(ana, group, text)).update_id is not None
    for text in others:
        assert (await server.say(ana, group, text)).update_id is None
    reply = await server.say(ana, group, "más", reply_to=sent)
    update = await latest(bot)
    assert update.update_id == reply.update_id
    assert update.message is not None
    assert update.message.reply_to_message == ours
    server.other_bot_speaks(group)
    assert (await server.say(ana, group, "/escribe hola")).update_id is None
    assert (await server.say(ana, group, "/escribe@litteragpt_bot")).update_id is not None
    server.promote(group, server.bot)
    assert (await server.say(ana, group, "hola")).update_id is not None


async def test_without_privacy_mode_bot_receives_all(ana: User) -> None:
    features = Features(can_read_all_group_messages=True)
    async with FakeTelegram(features=features) as server:
        group = server.group("Lectores", server.user("Blas"))
        assert (await server.say(ana, group, "hola")).update_id is not None


async def test_commands_and_languages_arrive(server: FakeTelegram, bot: Bot, ana: User) -> None:
    question = await server.say(ana, server.private(ana), "/escribe 🐉 hola", ago=3600)
    update = await latest(bot)
    assert update.message is not None
    assert update.effective_user is not None
    assert update.effective_user.language_code == "es"
    assert [entity.type for entity in update.message.entities] == ["bot_command"]
    assert update.message.date.timestamp() == int(question.date)
    assert await server.edit(ana, question, "/escribe adiós") is not None
    edited = (await latest(bot)).edited_message
    assert edited is not None
    assert edited.text == "/escribe adiós"


async def test_messages_without_user(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.supergroup("Lectores", ana)
    await server.say(ana, group, "/escribe", anonymous=True)
    hidden = (await latest(bot)).message
    assert hidden is not None
    assert hidden.sender_chat == hidden.chat
    assert hidden.from_user is not None
    assert hidden.from_user.is_bot
    await server.say(ana, server.channel("Libros", ana), "/escribe")
    post = await latest(bot)
    assert post.channel_post is not None
    assert post.effective_user is None


async def test_photo_without_text(server: FakeTelegram, bot: Bot, ana: User) -> None:
    await server.say(ana, server.private(ana), "", extra={"caption": "/escribe"})
    message = (await latest(bot)).message
    assert message is not None
    assert (message.text, message.caption) == (None, "/escribe")


async def test_press_is_answered(server: FakeTelegram, bot: Bot, ana: User) -> None:
    chat = server.private(ana)
    question = await server.say(ana, chat, "/escribe hola")
    await bot.send_message(chat.id, "hola y adiós", reply_markup=CONTINUE)
    answer = await server.reply_to(question)
    press = await server.press(ana, answer, "Continuar")
    query = (await latest(bot)).callback_query
    assert query is not None
    assert query.data == "more:1"
    await query.answer("Sigo", show_alert=True)
    await query.edit_message_text("hola y adiós. Sigo")
    shown = await press.answer()
    assert (shown.text, shown.alert) == ("Sigo", True)
    settled = await server.settled(answer, lambda text: "Sigo" in text, still=0.05)
    assert [version.text for version in settled.history] == ["hola y adiós", "hola y adiós. Sigo"]
    assert settled.labels == []
    await server.forge_press(ana, answer, "more:../../etc")
    forged = (await latest(bot)).callback_query
    assert forged is not None
    assert forged.data == "more:../../etc"
    assert server.violations == []


async def test_press_on_deleted_message_is_inaccessible(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    chat = server.private(ana)
    await server.say(ana, chat, "/start")
    await bot.send_message(chat.id, "hola", reply_markup=CONTINUE)
    (sent,) = server.sent(chat)
    await server.delete(sent)
    await server.press(ana, sent, "Continuar")
    query = (await latest(bot)).callback_query
    assert query is not None
    assert query.message is not None
    assert not query.message.is_accessible


async def test_inline_result_is_chosen_and_edited(
    server: FakeTelegram, bot: Bot, ana: User
) -> None:
    server.world.features.inline_feedback = True
    group = server.group("Lectores", ana, server.user("Blas"), bot="left")
    query = await server.inline(ana, "En un lugar")
    asked = (await latest(bot)).inline_query
    assert asked is not None
    assert asked.query == "En un lugar"
    content = InputTextMessageContent("En un lugar de la Mancha")
    result = InlineQueryResultArticle("1", "Quijote", content, reply_markup=CONTINUE)
    await asked.answer([result], cache_time=5, is_personal=True)
    answer = await query.answer()
    assert (answer.cache_time, answer.is_personal) == (5, True)
    message = await server.choose(query, "1", group)
    assert message.update_id is None
    chosen = (await latest(bot)).chosen_inline_result
    assert chosen is not None
    assert chosen.inline_message_id == message.inline_id
    await bot.edit_message_text("otro", inline_message_id=chosen.inline_message_id)
    assert message.text == "otro"
    assert server.violations == []


async def test_guest_message_gets_one_answer(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.supergroup("Ajenos", ana, bot="left")
    query = await server.guest(ana, group, "@litteragpt_bot En un lugar")
    asked = (await latest(bot)).guest_message
    assert asked is not None
    result = InlineQueryResultArticle("1", "t", InputTextMessageContent("de la Mancha"))
    sent = await asked.answer_guest_query(result)
    message = await query.answer()
    assert message.text == "de la Mancha"
    assert message.inline_id == sent.inline_message_id
    assert await server.reply_to(query.message or message) is message
    assert server.violations == []


async def test_drafts_are_visible_and_stoppable(server: FakeTelegram, bot: Bot, ana: User) -> None:
    chat = server.private(ana)
    await server.say(ana, chat, "/escribe")
    for text in ("", "En un", "En un lugar"):
        await bot.send_message_draft(chat.id, 7, text, api_kwargs={"can_stop": True})
    assert [draft.text for draft in chat.drafts] == ["", "En un", "En un lugar"]
    await server.stop(chat.drafts[-1])
    stopped = (await latest(bot)).api_kwargs["stopped_message_generation"]
    assert stopped["draft_id"] == 7


async def test_menu_is_narrowest_list(server: FakeTelegram, bot: Bot, ana: User) -> None:
    blas, english = server.user("Blas"), server.user("Ann", language="en")
    group = server.group("Lectores", ana, blas)
    chat = server.private(ana)
    await server.say(ana, chat, "/start")

    async def put(name: str, scope: object = None, language: str | None = None) -> None:
        command = [BotCommand(name, "hace algo")]
        await bot.set_my_commands(command, scope=scope, language_code=language)  # type: ignore[arg-type]

    def menu(user: User, where: object) -> list[str]:
        return [command["command"] for command in server.commands_for(user, where)]  # type: ignore[arg-type]

    assert menu(ana, chat) == []
    await put("todos")
    await put("everyone", language="en")
    await put("grupos", BotCommandScopeAllGroupChats())
    await put("jefes", BotCommandScopeAllChatAdministrators())
    await put("ana", BotCommandScopeChat(chat.id))
    assert menu(ana, chat) == ["ana"]
    assert menu(english, server.private(english)) == ["everyone"]
    assert menu(blas, group) == ["grupos"]
    assert menu(ana, group) == ["jefes"]
    assert [c.command for c in await bot.get_my_commands(language_code="en")] == ["everyone"]
    await bot.delete_my_commands(language_code="en")
    assert menu(english, server.private(english)) == ["todos"]


async def test_descriptions_fall_back_to_no_language(server: FakeTelegram, bot: Bot) -> None:
    await bot.set_my_description("Sigo frases")
    await bot.set_my_short_description("Frases", language_code="es")
    assert (await bot.get_my_description("en")).description == "Sigo frases"
    assert (await bot.get_my_short_description("en")).short_description == ""


async def test_chats_report_members(server: FakeTelegram, bot: Bot, ana: User) -> None:
    group = server.supergroup("Lectores", ana, server.user("Blas"), topics=("Libros",))
    assert (await bot.get_chat(group.id)).is_forum
    assert (await bot.get_chat_member(group.id, ana.id)).status == "creator"
    assert [m.user.id for m in await bot.get_chat_administrators(group.id)] == [ana.id]
    assert await bot.get_chat_member_count(group.id) == 3


async def test_timeout_names_expectation(server: FakeTelegram, ana: User) -> None:
    message = await server.say(ana, server.private(ana), "/escribe hola")
    with pytest.raises(AssertionError, match="no answer to '/escribe hola'"):
        await server.reply_to(message, 0.01)
    with pytest.raises(AssertionError, match="getUpdates"):
        await server.connected(0.01)


async def test_photo_is_visible_with_caption(server: FakeTelegram, bot: Bot) -> None:
    ana = server.user("Ana")
    group = server.supergroup("Tertulia", ana)
    sent = await bot.send_photo(group.id, png(30, 20), "Una @Ana_user", filename="a.png")
    (message,) = server.sent(group)
    assert message.photo is not None
    assert (message.photo.width, message.photo.height) == (30, 20)
    assert message.photo.data == png(30, 20)
    assert (sent.photo[-1].width, sent.caption, sent.text) == (30, "Una @Ana_user", None)
    assert message.pings == ["@ana_user"]
    group.takes_photos = False
    with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
        await bot.send_photo(group.id, png(30, 20))
    assert server.violations == []
    with pytest.raises(BadRequest, match=r"(?i)no text in the message"):
        await bot.edit_message_text("a", group.id, message.id)
