"""Streaming of texts to visitors, one at a time, while the connection is open."""

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


async def test_answer_streams_and_ends_complete(ben: Visitor) -> None:
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


async def test_options_of_the_request_apply(ana: Visitor) -> None:
    last = (await ana.ask(f"  {PHRASE}\n\n", style="galdos", sentences=1))[-1]
    assert (last["phrase"], last["style"]) == (PHRASE, "galdos")
    assert 0 <= last["seed"] < 10**9


@pytest.mark.parametrize("language", [SPANISH, ENGLISH])
async def test_closed_sentence_adds_a_notice(ana: Visitor, language: str) -> None:
    notices: list[str] = []
    while not notices:  # some sentences end before the limit
        notices = (await ana.ask(language=language, sentences=1))[-1]["notices"]
    assert notices == [say("truncated", language)]


async def test_text_is_continued_from_its_end(ana: Visitor) -> None:
    first = (await ana.ask())[-1]
    text = first["phrase"] + first["continuation"]
    second = (await ana.ask(text, goes_on=True))[-1]
    assert second["phrase"] in phrases_to_continue(text)


async def test_three_endings_can_each_be_continued(ana: Visitor) -> None:
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


async def test_failed_endings_are_explained(ana: Visitor) -> None:
    assert await ana.notice(" ", endings=True) == say("empty")
    told = explain(PromptError("style", value="quevedo", known="cervantes, galdos"))
    assert await ana.notice(style="quevedo", endings=True) == told


async def test_endings_count_as_one_request(markup_checkpoints: Path, tmp_path: Path) -> None:
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
async def test_bad_phrase_is_explained(ana: Visitor, changes: dict[str, str], key: str) -> None:
    assert await ana.notice(**changes) == say(key)


async def test_long_phrase_and_unknown_style_are_explained(
    ana: Visitor,
) -> None:
    told = say("too_long", length=PHRASE_LIMIT + 1, limit=PHRASE_LIMIT)
    assert await ana.notice("a" * (PHRASE_LIMIT + 1)) == told
    told = explain(PromptError("style", value="quevedo", known="cervantes, galdos"), ENGLISH)
    assert await ana.notice(style="quevedo", language="en") == told


async def test_one_text_per_visitor_at_a_time(slow_site: Site, ben: Visitor) -> None:
    async with ben.asking(sentences=5) as lines:
        await anext(lines)
        told = await ben.notice()
        assert told == say("busy").replace("/cancelar", f"«{say('web_stop')}»")
        assert "/" not in told
        async with slow_site.visitor().asking() as others:
            assert (await anext(others))["is"] == "text"


async def test_closed_page_withdraws_the_job(ben: Visitor) -> None:
    for _ in range(4):
        # The site notices a closed connection a moment later; until then the visitor has a text.
        while (line := await first_line(ben))["is"] == "failed":
            assert line["notice"] == say("busy").replace("/cancelar", f"«{say('web_stop')}»")
        assert line["is"] == "text"


async def test_leaving_second_request_keeps_the_first(
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
    """The beginning of a long text, after which the visitor leaves."""
    async with visitor.asking(sentences=5) as lines:
        line: dict[str, Any] = await anext(lines)
        return line


async def test_reset_request_is_not_written(site: Site) -> None:
    answered = site.log.count(" answered in ")
    for _ in range(20):
        site.visitor().ask_and_reset(sentences=1)
    assert await site.visitor().notice(sentences=1) is None
    assert site.log.count(" answered in ") == answered + 1
