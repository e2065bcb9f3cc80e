"""Three endings of an answer: offered in another message, chosen by the requester."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bot.requests.buttons import CHOICES, Verb
from bot.texts import ENGLISH, say
from tests.bot.adapters.discord.houses import PHRASE, House, house
from tests.bot.adapters.discord.reading import plain, seen, told
from tests.bot.adapters.discord.test_buttons import button_of, exchange
from tests.bot.records import kept
from tests.conftest import ENDLESS_TOKENIZER, save_tiny
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.messages import Message

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

ANSWER = ["Continuar", "Otra vez", "Tres finales", "Tarjeta", "Borrar"]
ENDINGS, INFO = say("button_endings"), say("menu_info")
# Endings without an end of their own, slow enough to interrupt.
SLOW = {"LITTERAGPT_ENGINE": "pytorch", "LITTERAGPT_SENTENCE_LIMIT": "4000"}


def content_of(message: Message) -> str:
    return message.content or "".join(embed["description"] for embed in message.embeds)


def offered(message: Message) -> list[str]:
    """The whole texts of the endings in a message."""
    phrase, *lines = content_of(message).split("\n")
    bold = re.fullmatch(r"\*\*((?:\\.|[^\\])+?)\*\*", phrase)
    assert bold is not None, phrase
    texts = []
    for number, line in enumerate(lines[:3], 1):
        assert line.startswith(f"**{number}.** "), line
        shown = plain("." + line.removeprefix(f"**{number}.** "))[1:]
        texts.append(plain("." + bold[1])[1:] + (shown[1:] if shown[0] == "…" else f" {shown}"))
    assert all(line.startswith("-# ") for line in lines[3:])
    assert list(message.buttons)[:3] == ["1", "2", "3"]
    return texts


async def test_chosen_ending_becomes_an_answer(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana, frases=3, estilo="galdos", temperatura=1.0)
    before = answer.content, answer.components
    endings = await home.press(ana, answer, ENDINGS)
    texts = offered(endings)
    assert list(endings.buttons) == ["1", "2", "3", "Borrar"]
    assert len(set(texts)) == 3
    assert all(text.startswith(PHRASE) for text in texts)
    seeds = [button_of(endings, verb).seed for verb in CHOICES]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]

    info = await home.discord.context_menu(ana, home.channel, INFO, endings)
    checkpoint = button_of(endings, Verb.FIRST).checkpoint
    named = ", ".join(map(str, seeds))
    assert told(await home.answer(info)) == say("info_endings", seed=named, checkpoint=checkpoint)

    pressed = await home.discord.press(ana, endings, "2")
    assert await home.answer(pressed) is endings
    assert seen(endings).text == texts[1]
    assert list(endings.buttons) == ANSWER
    button = button_of(endings)
    assert (button.seed, button.sentences, button.style) == (seeds[1], 3, "galdos")
    again = await home.ask(ana, frases=1, semilla=seeds[1], estilo="galdos", temperatura=1.0)
    assert seen(again).text == texts[1]
    assert len(seen(await home.press(ana, endings, "Continuar")).continuation) > 0
    assert (answer.content, answer.components) == before


async def test_only_the_requester_chooses(home: House) -> None:
    ana, ben = home.person(), home.person(locale="en-US")
    answer = await home.ask(ana)
    endings = await home.press(ben, answer, ENDINGS)  # which any user may rewrite
    before = content_of(endings)
    for number in "123":
        assert told(await home.press(ana, endings, number)) == say("not_your_choice")
    assert content_of(endings) == before
    await home.discord.press(ben, endings, "3")
    await endings.until(lambda m: len(m.buttons) == 5, 5)
    assert list(endings.buttons)[2] == say("button_endings", ENGLISH)


async def test_private_endings_stay_private(home: House) -> None:
    ana = home.person()
    endings = await home.press(ana, await home.ask(ana, privado=True), ENDINGS)
    assert endings.ephemeral
    text = offered(endings)[0]
    await home.answer(await home.discord.press(ana, endings, "1"))
    assert endings.ephemeral
    assert seen(endings).text == text


async def test_endings_complete_a_word_three_times(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana, frase="En un lugar de la Zarza-")
    for text in offered(await home.press(ana, answer, ENDINGS)):
        assert text.startswith("En un lugar de la Zarza")


async def test_choice_below_other_message_is_stale(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana)
    forged = button_of(answer).id.replace("a.", "2.", 1)
    exchange(answer, "Otra vez", forged)
    assert told(await home.press(ana, answer, "Otra vez")) == say("stale_button")
    endings = await home.press(ana, answer, ENDINGS)
    endings.content = endings.content.replace("**3.**", "3.")
    assert told(await home.press(ana, endings, "3")) == say("stale_button")


async def test_old_answer_without_endings_button_works(home: House) -> None:
    ana = home.person()
    answer = await home.ask(ana)
    for row in answer.components:
        row["components"] = [key for key in row["components"] if key["label"] != ENDINGS]
    assert ENDINGS in (await home.press(ana, answer, "Otra vez")).buttons


async def test_choice_works_after_restart(home: House, marked_checkpoints: Path) -> None:
    ana = home.person()
    endings = await home.press(ana, await home.ask(ana), ENDINGS)
    texts = offered(endings)
    await home.restart(marked_checkpoints)
    await home.answer(await home.discord.press(ana, endings, "3"))
    assert seen(endings).text == texts[2]


async def test_lost_choice_is_retried(home: House) -> None:
    ana = home.person()
    endings = await home.press(ana, await home.ask(ana), ENDINGS)
    texts = offered(endings)
    home.discord.faults.reset("POST", "/interactions/*/callback", after_effect=True)
    await home.answer(await home.discord.press(ana, endings, "1"))
    assert seen(endings).text == texts[0]
    # The retry follows the effect, and Discord tolerates it.
    async with asyncio.timeout(10):
        while not home.discord.violations:  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.01)
    (repeated,) = home.discord.violations
    assert "40060" in repeated
    home.discord.violations.clear()


async def test_endings_count_as_one_request(marked_checkpoints: Path, tmp_path: Path) -> None:
    async with house(tmp_path, marked_checkpoints, person_per_minute=2) as ours:
        ana = ours.person()
        answer = await ours.ask(ana)
        endings = await ours.press(ana, answer, ENDINGS)
        refusal = told(await ours.press(ana, answer, ENDINGS))
        assert refusal.startswith("Admito 2 peticiones por minuto")
        text = offered(endings)[0]
        await ours.answer(await ours.discord.press(ana, endings, "1"))
        assert seen(endings).text == text
        ours.check()


async def under_way(ours: House, answer: Message) -> Interaction:
    """A request for endings that are being generated."""
    ana = ours.guild.owner
    pressed = await ours.discord.press(ana, answer, ENDINGS)
    await pressed.acknowledged()
    async with asyncio.timeout(20):
        while '"endings": 3' not in kept(ours.folder / "state"):  # noqa: ASYNC110 (a file)
            await asyncio.sleep(0.05)
    return pressed


async def test_long_endings_can_be_cancelled_cut_and_continued(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    save_tiny(models / "tiny", tokenizer=ENDLESS_TOKENIZER)
    async with house(tmp_path / "house", models) as ours:
        ana = ours.guild.owner
        answer = await ours.ask(ana, frases=1)
        ours.environment |= SLOW
        await ours.restart(models)
        before = content_of(answer)

        cancelled = await under_way(ours, answer)
        assert await ours.use(ana, "cancelar") == say("cancelling")
        await ours.discord.changes.until(lambda: cancelled.followups, 10, lambda: "no word")
        assert told(cancelled.followups[0]) == say("cancelled_job")

        killed = await under_way(ours, answer)
        assert ours.process is not None
        ours.process.kill()
        await ours.ended()
        await ours.discord.disconnected(10)
        ours.start(models)
        await ours.ready()
        endings = await ours.outcome(killed, 60)
        texts = offered(endings)
        assert len(content_of(endings)) <= 4096
        assert plain(content_of(endings).split("\n")[-1][3:]) == say("cut")
        assert all(text.endswith("...") for text in texts)
        await ours.answer(await ours.discord.press(ana, endings, "2"))
        assert seen(endings).text == texts[1]
        assert content_of(answer) == before
        ours.check()
