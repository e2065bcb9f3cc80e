"""Texts for visitors: as they are written, one at a time, and only while somebody reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.requests.endings import ENDINGS
from bot.texts import ENGLISH, SPANISH, explain, say
from model.errors import PromptError
from model.text.prompt import PHRASE_LIMIT
from model.text.sentences import split_sentences
from tests.bot.adapters.web.sites import PHRASE, Site, Visitor, serving
from tests.bot.continuing import phrases_to_continue

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_an_answer_comes_as_it_is_written_and_then_as_a_whole(ben: Visitor) -> None:
    seen, lines_told = "", 0
    async with ben.asking(sentences=1) as lines:
        async for line in lines:
            if line["is"] == "done":
                break
            assert (line["is"], line["phrase"]) == ("text", PHRASE)
            seen += line["more"]
            assert line["more"]
            lines_told += 1
    assert line["continuation"].startswith(seen)
    assert lines_told > 10
    assert (line["phrase"], line["style"]) == (PHRASE, None)


async def test_what_is_asked_for_is_what_comes(ana: Visitor) -> None:
    last = (await ana.ask(f"  {PHRASE}\n\n", style="galdos", sentences=1))[-1]
    assert (last["phrase"], last["style"]) == (PHRASE, "galdos")
    assert 0 <= last["seed"] < 10**9


@pytest.mark.parametrize("language", [SPANISH, ENGLISH])
async def test_that_a_sentence_was_closed_is_said(ana: Visitor, language: str) -> None:
    notices: list[str] = []
    while not notices:  # chance ends a sentence before its limit now and then
        notices = (await ana.ask(language=language, sentences=1))[-1]["notices"]
    assert notices == [say("truncated", language)]


async def test_a_text_is_gone_on_with_from_its_end(ana: Visitor) -> None:
    first = (await ana.ask())[-1]
    text = first["phrase"] + first["continuation"]
    second = (await ana.ask(text, goes_on=True))[-1]
    assert second["phrase"] in phrases_to_continue(text)


async def test_three_endings_come_together_and_each_can_be_gone_on_with(ana: Visitor) -> None:
    lines = await ana.ask(endings=True, sentences=5, temperature=0, style="galdos")
    (line,) = [line for line in lines if line["is"] != "note"]
    assert line["is"] == "endings"
    endings = line["endings"]
    assert [each["phrase"] for each in endings] == [PHRASE] * ENDINGS
    assert len({each["continuation"] for each in endings}) == ENDINGS
    seeds = [each["seed"] for each in endings]
    assert seeds == [seeds[0] + number for number in range(ENDINGS)]
    assert {each["style"] for each in endings} == {"galdos"}
    for each in endings:
        assert len(split_sentences(each["continuation"])) == 1
    text = endings[1]["phrase"] + endings[1]["continuation"]
    (line,) = await ana.ask(text, goes_on=True, endings=True)
    assert {each["phrase"] for each in line["endings"]} <= phrases_to_continue(text)


async def test_endings_that_cannot_be_written_are_explained(ana: Visitor) -> None:
    assert await ana.notice(" ", endings=True) == say("empty")
    told = explain(PromptError("style", value="quevedo", known="cervantes, galdos"))
    assert await ana.notice(style="quevedo", endings=True) == told


async def test_endings_are_one_request(markup_checkpoints: Path, tmp_path: Path) -> None:
    async with serving(tmp_path, markup_checkpoints, person_per_minute=2) as strict:
        visitor = strict.visitor()
        assert [line["is"] for line in await visitor.ask(endings=True)] == ["endings"]
        assert (await visitor.ask(endings=True))[-1]["is"] == "endings"
        assert (await visitor.notice(endings=True) or "").startswith("Admito 2 peticiones")
        strict.check()


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"text": " \n"}, "empty"), ({"text": "\U0001f600"}, "unwritable")],
)
async def test_a_phrase_that_cannot_be_continued_is_explained(
    ana: Visitor, changes: dict[str, str], key: str
) -> None:
    assert await ana.notice(**changes) == say(key)


async def test_a_phrase_that_is_too_long_and_a_style_that_is_not_known_are_explained(
    ana: Visitor,
) -> None:
    told = say("too_long", length=PHRASE_LIMIT + 1, limit=PHRASE_LIMIT)
    assert await ana.notice("a" * (PHRASE_LIMIT + 1)) == told
    told = explain(PromptError("style", value="quevedo", known="cervantes, galdos"), ENGLISH)
    assert await ana.notice(style="quevedo", language="en") == told


async def test_a_visitor_has_one_text_at_a_time_and_others_do_not_notice(
    slow_site: Site, ben: Visitor
) -> None:
    async with ben.asking(sentences=5) as lines:
        await anext(lines)
        told = await ben.notice()
        assert told == say("busy").replace("/cancelar", f"«{say('web_stop')}»")
        assert "/" not in told
        async with slow_site.visitor().asking() as others:
            assert (await anext(others))["is"] == "text"


async def test_whoever_leaves_is_not_written_for_any_more(ben: Visitor) -> None:
    for _ in range(4):
        # That somebody has left is known a moment later: until then they have a text already.
        while (line := await first_line(ben))["is"] == "failed":
            assert line["notice"] == say("busy").replace("/cancelar", f"«{say('web_stop')}»")
        assert line["is"] == "text"


async def test_whoever_asks_twice_and_leaves_the_second_keeps_the_first(
    slow_site: Site,
) -> None:
    visitor = slow_site.visitor()
    async with visitor.asking(sentences=5) as lines:
        await anext(lines)
        for _ in range(20):
            await visitor.ask_and_leave(sentences=5)
        for _ in range(3):
            assert (await anext(lines))["is"] == "text"


async def first_line(visitor: Visitor) -> dict[str, Any]:
    """What a long text begins with; then the visitor leaves."""
    async with visitor.asking(sentences=5) as lines:
        line: dict[str, Any] = await anext(lines)
        return line
