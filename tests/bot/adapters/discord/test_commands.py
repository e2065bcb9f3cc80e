"""The commands of all users."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from bot.texts import ENGLISH, say
from model.text.prompt import PHRASE_LIMIT
from model.text.sentences import split_sentences
from tests.bot.adapters.discord.houses import PHRASE, SECRET_WORD, House
from tests.bot.adapters.discord.reading import plain, seen, told
from tests.bot.records import kept
from tests.fakes.discord import ClientRefused, Place, User

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def test_escribe_answers_with_two_sentences_and_buttons(home: House) -> None:
    message = await home.ask(home.person())
    shown = seen(message)
    assert shown.phrase == PHRASE
    assert len(shown.continuation) > 20
    assert set(shown.notices) <= {say("truncated"), say("truncated_many", count=2)}
    assert list(message.buttons) == ["Continuar", "Otra vez", "Tres finales", "Tarjeta", "Borrar"]
    assert not message.ephemeral


async def test_options_apply_and_seed_repeats_text(home: House) -> None:
    ana, options = home.person(), {"frases": 1, "temperatura": 1.5, "semilla": 7}
    texts = [
        seen(await home.ask(ana, estilo=style, **options)).text
        for style in ("galdos", "galdos", "cervantes")
    ]
    assert texts[0] == texts[1] != texts[2]
    one, three = [seen(await home.ask(ana, frases=n, temperatura=0.0)) for n in (1, 3)]
    assert len(split_sentences(one.text)) == 1
    assert len(split_sentences(three.text)) == 3
    assert three.text.startswith(one.text)


async def test_private_answer_is_ephemeral(home: House) -> None:
    message = await home.ask(home.person(), privado=True)
    assert message.ephemeral
    assert seen(message).phrase == PHRASE


@pytest.mark.parametrize("where", ["thread", "post", "dm", "group", "elsewhere"])
async def test_commands_work_in_every_context(home: House, where: str) -> None:
    ana, place = _place(home, where)
    asked = await home.discord.slash(ana, place, "escribe", frase=PHRASE)
    message = await home.answer(asked)
    assert message.place is place
    assert seen(message).phrase == PHRASE
    again = await home.press(ana, message, "Otra vez")
    assert seen(again).phrase == PHRASE
    await home.discord.press(ana, again, "Borrar")
    await again.until(lambda m: m.deleted, 5)
    for name in ("ayuda", "modelo", "privacidad", "cancelar"):
        assert (await home.answer(await home.discord.slash(ana, place, name))).ephemeral


def _place(home: House, where: str) -> tuple[User, Place]:
    discord, ana = home.discord, home.person(installed=where in ("group", "elsewhere"))
    match where:
        case "thread":
            return ana, home.channel.thread("hilo")
        case "post":
            return ana, home.guild.forum("foro").post("tema")
        case "dm":
            return ana, discord.dm(ana)
        case "group":
            return ana, discord.group_dm("tertulia", ana, home.person())
    # A server without the bot, which Ana has installed for herself.
    guild = discord.guild("Otra parte", with_bot=False)
    guild.join(ana)
    return ana, guild.channel("charla")


async def test_answers_use_the_requesters_language(home: House) -> None:
    ann = home.person(locale="en-GB")
    message = await home.answer(
        await home.discord.slash(ann, home.channel, "write", phrase=f"{PHRASE} ♥", sentences=1)
    )
    assert list(message.buttons) == ["Continue", "Again", "Three endings", "Card", "Delete"]
    assert seen(message).notices[0] == say("dropped", ENGLISH, characters="♥")
    assert (await home.use(ann, "cancel")) == say("nothing_to_cancel", ENGLISH)
    assert (await home.use(home.person(locale="es-419"), "cancelar")) == say("nothing_to_cancel")
    assert (await home.use(home.person(locale="fr"), "cancelar")) == say("nothing_to_cancel")


async def test_texts_use_localized_command_names(home: House) -> None:
    for locale, names in (("es-ES", ["escribe", "cancelar"]), ("en-US", ["write", "cancel"])):
        person = home.person(locale=locale)
        asked = await home.discord.slash(
            person, home.channel, names[0].replace("write", "escribe"), frase=PHRASE
        )
        await home.answer(asked)
        asked = await home.discord.slash(person, home.channel, "ayuda")
        shown = (await home.answer(asked)).content
        assert all(f"`/{name}" in shown for name in names)


async def test_names_and_descriptions_are_translated(home: House) -> None:
    ana = home.person()
    spanish = home.discord.visible_commands(ana, home.channel, "es-419")
    english = home.discord.visible_commands(ana, home.channel, "en-US")
    assert list(spanish) == [
        *("escribe", "ayuda", "modelo", "privacidad", "cancelar"),
        *("Continuar con LitteraGPT", "Datos del texto"),
    ]
    assert list(english) == [
        *("write", "help", "model", "privacy", "cancel"),
        *("Continue with LitteraGPT", "About this text"),
    ]
    body = english["write"].body
    assert set(body["description_localizations"]) == {"es-ES", "es-419", "en-US", "en-GB"}
    options = {option["name"]: option for option in body["options"]}
    assert options["frase"]["name_localizations"]["en-GB"] == "phrase"
    assert (options["frase"]["min_length"], options["frase"]["max_length"]) == (1, PHRASE_LIMIT)
    assert (options["frases"]["min_value"], options["frases"]["max_value"]) == (1, 5)
    assert (options["temperatura"]["min_value"], options["temperatura"]["max_value"]) == (0, 2)


async def test_autocompletion_offers_styles(home: House) -> None:
    ana = home.person()
    for typed, offered in (("", ["cervantes", "galdos"]), ("GAL", ["galdos"]), ("zzz", [])):
        asked = await home.discord.autocomplete(ana, home.channel, "escribe", "estilo", typed)
        assert [choice["value"] for choice in await asked.completions()] == offered


async def test_bad_phrase_is_refused_in_private(home: House) -> None:
    ana = home.person()
    asked = await home.discord.slash(ana, home.channel, "escribe", frase="​​")
    assert told(await home.answer(asked)) == say("unwritable")
    asked = await home.discord.slash(ana, home.channel, "escribe", frase=PHRASE, estilo="*quevedo*")
    assert told(await home.answer(asked)) == say(
        "style", value="*quevedo*", known="cervantes, galdos"
    )
    # The public message that was thinking is gone.
    assert asked.original is not None
    assert asked.original.deleted
    with pytest.raises(ClientRefused):
        await home.discord.slash(ana, home.channel, "escribe", frase="a" * (PHRASE_LIMIT + 1))


@pytest.mark.parametrize(
    "phrase",
    [
        "@everyone @here *¡Salud!* __a__ ~~todos~~ ||y|| # todas",
        "Vea https://example.com/a_b_c y [aquí](https://example.com) o discord.gg/abcdef",
        r"\* barras \\ y > citas :smile: <@{ana}> <#{channel}> </escribe:{channel}>",
        "—¿«Quién» lo dijo?— preguntó él; ¡nadie!...",
    ],
)
async def test_phrases_never_ping_link_or_format(home: House, phrase: str) -> None:
    ana = home.person()
    phrase = phrase.replace("{ana}", ana.id).replace("{channel}", home.channel.id)
    message = await home.ask(ana, frase=phrase)
    assert seen(message).phrase == phrase
    assert message.pings == message.mentions == set()
    assert message.previews == []
    assert message.flags & 4  # link previews are suppressed too
    bodies = [call.body for call in home.discord.rest.calls if call.method == "PATCH"]
    assert all(body["allowed_mentions"] == {"parse": []} for body in bodies if body)


async def test_modelo_and_privacidad_answer(home: House) -> None:
    ana, ann = home.person(), home.person(locale="en-GB")
    for model in (await home.use(ana, "modelo"), await home.use(ann, "model")):
        assert "tiny" in model
        assert "cervantes, galdos" in model
        assert plain(model).endswith(f" LitteraGPT {version('litteragpt')}.")
    assert await home.use(ana, "privacidad") == say("privacy")


async def test_log_and_store_omit_phrases(home: House) -> None:
    ana = home.person()
    await home.ask(ana)
    await home.ask(ana)  # by then the first one is forgotten
    held = kept(home.folder / "state")
    assert f"discord:{ana.id}" in held  # for the limits
    assert held.count(SECRET_WORD) <= 1
    assert plain(SECRET_WORD) == SECRET_WORD
