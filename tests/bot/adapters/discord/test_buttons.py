"""The buttons below an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.requests.buttons import Button, Verb
from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import PHRASE, House
from tests.bot.adapters.discord.reading import seen, told
from tests.bot.continuing import phrases_to_continue
from tests.fakes.discord import ORDINARY, ClientRefused, Permission
from tests.fakes.discord.forms import components_in
from tests.fakes.discord.messages import Message

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


def button_of(message: Message, verb: Verb = Verb.AGAIN) -> Button:
    """A button in a message."""
    ids = [c["custom_id"] for c in components_in(message.components) if c.get("custom_id")]
    buttons = [Button.read(custom_id) for custom_id in ids]
    return next(button for button in buttons if button is not None and button.verb is verb)


def exchange(message: Message, label: str, custom_id: str) -> None:
    """Replace the button of a label."""
    for component in components_in(message.components):
        if component.get("label") == label:
            component["custom_id"] = custom_id


async def test_again_keeps_phrase_and_options(home: House) -> None:
    ana = home.person()
    first = await home.ask(ana, frases=1, temperatura=0.5, estilo="galdos")
    second = await home.press(ana, first, "Otra vez")
    assert second is not first
    assert seen(second).phrase == PHRASE
    assert seen(second).continuation != seen(first).continuation
    old, new = button_of(first), button_of(second)
    assert (new.sentences, new.temperature, new.style) == (1, 0.5, "galdos")
    assert new.seed != old.seed


async def test_continue_extends_from_the_end_repeatedly(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana, frase=f"{PHRASE} *y* @todos_")
    for _ in range(3):
        before = seen(message).text
        message = await home.press(ana, message, "Continuar")
        assert seen(message).phrase in phrases_to_continue(before)


async def test_presser_is_the_requester(home: House) -> None:
    ana, ben = home.person(), home.person(locale="en-US")
    theirs = await home.press(ben, await home.ask(ana), "Continuar")
    assert button_of(theirs).user == int(ben.id)
    assert list(theirs.buttons) == ["Continue", "Again", "Three endings", "Card", "Delete"]


async def test_buttons_of_private_answers_answer_in_private(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana, privado=True)
    assert (await home.press(ana, message, "Continuar")).ephemeral
    assert (await home.press(ana, message, "Otra vez")).ephemeral
    await home.discord.press(ana, message, "Borrar")
    await message.until(lambda m: m.deleted, 5)


async def test_requester_and_moderators_may_delete(home: House) -> None:
    ana, ben = home.person(), home.person(locale="en-US")
    moderator = home.guild.join(home.person(), ORDINARY | Permission.MANAGE_MESSAGES)
    for somebody in (ana, moderator, home.guild.owner):
        message = await home.ask(ana)
        refusal = await home.press(ben, message, "Borrar")
        assert told(refusal) == say("not_yours", ENGLISH)
        assert not message.deleted
        await home.discord.press(somebody, message, "Borrar")
        await message.until(lambda m: m.deleted, 5)


async def test_concurrent_deletions_succeed(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana)
    presses = [await home.discord.press(ana, message, "Borrar") for _ in range(2)]
    for pressed in presses:
        await pressed.acknowledged()
    await message.until(lambda m: m.deleted, 5)


@pytest.mark.parametrize(
    "custom_id",
    [
        "x",
        "again",
        "c.1.1.2080.c7d1.galdos.more",
        "a.1.1.9080.c7d1.",
        "d.zzzzzzzzzzzzzz.1.2080.a.",
        "\n",
    ],
)
async def test_unknown_button_is_refused(home: House, custom_id: str) -> None:
    ana = home.person()
    message = await home.ask(ana)
    exchange(message, "Otra vez", custom_id)
    refusal = await home.press(ana, message, "Otra vez")
    assert told(refusal) == say("stale_button")


async def test_unknown_style_in_button_is_explained(home: House) -> None:
    ana = home.person()
    message = await home.ask(ana)
    forged = Button(Verb.AGAIN, int(ana.id), 2, 0.8, 1, "c3ef", "quevedo")
    exchange(message, "Otra vez", forged.id)
    refusal = told(await home.press(ana, message, "Otra vez"))
    assert refusal == say("style", value="quevedo", known="cervantes, galdos")


async def test_button_below_no_answer_is_refused(home: House) -> None:
    ana = home.person(locale="en-US")
    message = await home.ask(ana)
    message.content = "Another text altogether"
    assert told(await home.press(ana, message, "Again")) == say("stale_button", ENGLISH).replace(
        "/escribe", "/write"
    )


async def test_buttons_work_after_restart(home: House, marked_checkpoints: Path) -> None:
    ana = home.person()
    messages = [await home.ask(ana), await home.ask(ana, privado=True)]
    await home.restart(marked_checkpoints)
    for message in messages:
        assert seen(await home.press(ana, message, "Otra vez")).phrase == PHRASE
        assert seen(await home.press(ana, message, "Continuar")).continuation
        await home.discord.press(ana, message, "Borrar")
        await message.until(lambda m: m.deleted, 5)
    with pytest.raises(ClientRefused):
        await home.discord.press(ana, messages[0], "Borrar")
