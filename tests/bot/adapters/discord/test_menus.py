"""Commands in the menu of a message."""

from __future__ import annotations

import pytest

from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import PHRASE, House
from tests.bot.adapters.discord.reading import seen, told
from tests.bot.adapters.discord.test_buttons import button_of
from tests.bot.continuing import phrases_to_continue

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

CONTINUE, INFO = say("menu_continue"), say("menu_info")


async def test_menu_continues_any_message(home: House) -> None:
    ana, ben = home.person(), home.person()
    said = await home.discord.say(ana, home.channel, f"¿Sabes? **{PHRASE}** vivía\nun _hidalgo_")
    asked = await home.discord.context_menu(ben, home.channel, CONTINUE, said)
    shown = seen(await home.answer(asked))
    assert shown.phrase == f"¿Sabes? {PHRASE} vivía un hidalgo"


async def test_menu_continues_an_answer_from_its_end(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana, frases=1)
    asked = await home.discord.context_menu(ana, home.channel, CONTINUE, answer)
    continued = seen(await home.answer(asked)).phrase
    assert continued in phrases_to_continue(seen(answer).text)


async def test_menu_continues_the_end_of_a_long_message(home: House) -> None:
    ana = home.person()
    said = await home.discord.say(ana, home.channel, f"Era tarde. {'palabra ' * 200}al fin")
    asked = await home.discord.context_menu(ana, home.channel, CONTINUE, said)
    phrase = seen(await home.answer(asked)).phrase
    assert phrase.endswith("palabra al fin")
    assert len(phrase) <= 400


async def test_message_without_text_is_refused(home: House) -> None:
    ana = home.person()
    said = await home.discord.say(ana, home.channel, "​")
    asked = await home.discord.context_menu(ana, home.channel, CONTINUE, said)
    assert told(await home.answer(asked)) == say("no_text")


async def test_info_names_seed_and_model_that_repeat_the_text(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana)
    asked = await home.discord.context_menu(ana, home.channel, INFO, answer)
    button = button_of(answer)
    assert told(await home.answer(asked)) == say(
        "info", seed=button.seed, checkpoint=button.checkpoint
    )
    assert seen(await home.ask(ana, semilla=button.seed)).text == seen(answer).text


async def test_info_refuses_other_messages(home: House) -> None:
    ana, ben = home.person(), home.person(locale="en-US")
    said = await home.discord.say(ana, home.channel, "Hola")
    asked = await home.discord.context_menu(ben, home.channel, INFO, said)
    assert told(await home.answer(asked)) == say("not_mine", ENGLISH)
