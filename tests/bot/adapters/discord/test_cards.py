"""Cards, requested with the answer or later."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.requests.buttons import Verb
from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import PHRASE, House, house
from tests.bot.adapters.discord.reading import seen, told
from tests.bot.adapters.discord.test_buttons import button_of
from tests.fakes.discord.messages import Message

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

EDIT = ("PATCH", "/webhooks/*/messages/@original")


def card_of(message: Message, text: str) -> Image.Image:
    """The picture of a message; checks its alternative text."""
    (file,) = message.files
    assert file.filename == "litteragpt.png"
    assert file.content_type == "image/png"
    assert file.description == text[:1024]
    picture = Image.open(io.BytesIO(file.data))
    assert (picture.format, picture.width) == ("PNG", 1200)
    return picture


async def test_option_adds_card_to_answer(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana, tarjeta=True, estilo="galdos")
    card_of(message, seen(message).text)
    assert list(message.buttons) == ["Continuar", "Otra vez", "Tres finales", "Tarjeta", "Borrar"]
    again = await home.press(ana, message, "Otra vez")
    assert seen(again).phrase == PHRASE
    assert again.files == []
    assert (await home.ask(ana)).files == []


async def test_any_user_may_request_a_card_repeatedly(home: House) -> None:
    ana, ben = home.person(), home.person(locale="en-US")
    message = await home.ask(ana)
    pictures = []
    for somebody in (ana, ben, ben):
        shown = await home.press(somebody, message, "Tarjeta")
        pictures.append(card_of(shown, seen(message).text).tobytes())
        assert shown.content == ""
        assert not shown.ephemeral
    # The same text gives the same picture, except for the language of its labels.
    assert pictures[0] != pictures[1] == pictures[2]
    assert list(shown.buttons) == [say("button_delete", ENGLISH)]
    assert seen(message).phrase == PHRASE


async def test_requester_may_delete_own_card(home: House) -> None:
    ana, ben = home.person(), home.person()
    message = await home.ask(ana)
    shown = await home.press(ben, message, "Tarjeta")
    assert button_of(shown, Verb.DELETE).user == int(ben.id)
    assert told(await home.press(ana, shown, "Borrar")) == say("not_yours")
    await home.discord.press(ben, shown, "Borrar")
    await shown.until(lambda m: m.deleted, 5)
    assert not message.deleted


async def test_card_of_private_answer_is_private(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana, privado=True, tarjeta=True)
    assert message.ephemeral
    card_of(message, seen(message).text)
    assert (await home.press(ana, message, "Tarjeta")).ephemeral


async def test_cards_work_after_restart(home: House, marked_checkpoints: Path) -> None:
    ana = home.person()
    message = await home.ask(ana, frase=f"{PHRASE} *y* @todos_")
    before = card_of(await home.press(ana, message, "Tarjeta"), seen(message).text)
    await home.restart(marked_checkpoints)
    after = card_of(await home.press(ana, message, "Tarjeta"), seen(message).text)
    assert before.tobytes() == after.tobytes()


async def test_card_survives_dropped_connections(home: House) -> None:
    ana = home.person()
    home.discord.faults.reset(*EDIT)
    home.discord.faults.status(*EDIT, 503)
    message = await home.ask(ana, tarjeta=True)
    card_of(message, seen(message).text)
    home.discord.faults.reset(*EDIT, after_effect=True)
    shown = await home.press(ana, message, "Tarjeta")
    # Discord's response was lost, so the bot repeats the request, with the same effect.
    await shown.until(lambda m: len(m.history) == 2, 5)
    card_of(shown, seen(message).text)


async def test_answer_arrives_where_files_are_forbidden(home: House) -> None:
    ana = home.person()
    home.discord.faults.status(*EDIT, 403)
    message = await home.ask(ana, tarjeta=True)
    assert seen(message).phrase == PHRASE
    assert message.files == []
    home.discord.faults.status(*EDIT, 413)
    assert told(await home.press(ana, message, "Tarjeta")) == say("card_failed")


async def test_cards_have_their_own_limit(marked_checkpoints: Path, tmp_path: Path) -> None:
    async with house(tmp_path, marked_checkpoints, person_per_minute=2) as ours:
        ana = ours.person()
        message = await ours.ask(ana)
        for _ in range(2):
            card_of(await ours.press(ana, message, "Tarjeta"), seen(message).text)
        refusal = told(await ours.press(ana, message, "Tarjeta"))
        assert refusal.startswith(say("card_minute", limit=2, wait="").partition(";")[0])
        assert seen(await ours.ask(ana)).phrase == PHRASE  # counted separately
        ours.check()


async def test_running_card_survives_shutdown(marked_checkpoints: Path, tmp_path: Path) -> None:
    settings = {"engine": "pytorch", "sentence_limit": 1500}
    async with house(tmp_path, marked_checkpoints, **settings) as ours:
        asked = await ours.discord.slash(
            ours.person(), ours.channel, "escribe", frase=PHRASE, tarjeta=True
        )
        await asked.acknowledged()
        assert ours.process is not None
        ours.process.kill()
        await ours.ended()
        await ours.discord.disconnected(10)
        ours.start(marked_checkpoints)
        message = await ours.outcome(asked, 60)
        card_of(message, seen(message).text)
