"""With the default settings each sentence is chosen among candidates: in a chat,
inline, after a restart, and for concurrent requests."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bot.texts import say
from model.native import library
from model.text.prompt import candidates_of
from tests.bot.adapters.telegram.running import running
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of, text_behind
from tests.fakes.telegram import FakeTelegram, Message, User

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(library.load() is None, reason="the native kernel was not built"),
]
AUTO = {"candidates": "auto", "engine": "native"}


async def seed_of(server: FakeTelegram, person: User, text: Message) -> int:
    """The bot's answer to /info."""
    asked = await server.say(person, server.private(person), "/info", reply_to=text)
    told = await server.reply_to(asked)
    found = re.match(r"Semilla (\d+), modelo", told.text)
    assert found is not None, told.text
    return int(found[1])


async def test_single_request_gets_best_of_several(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        ana = server.user("Ana")
        async with running(server, checkpoints, tmp_path, **AUTO):
            written = await answer(server, ana, server.private(ana), PHRASE)
            assert candidates_of(await seed_of(server, ana, written)) > 1
            offered = await (await server.inline(ana, PHRASE)).answer()
            assert offered.results[0].title == say("inline_title")
            assert offered.results[0].text.startswith(PHRASE)
        waited = await server.say(ana, server.private(ana), f"/escribe {PHRASE}")
        async with running(server, checkpoints, tmp_path, **AUTO):
            assert phrase_of(await text_behind(server, waited)) == PHRASE
        assert server.violations == []


async def test_concurrent_requests_are_all_answered(checkpoints: Path, tmp_path: Path) -> None:
    async with FakeTelegram(flood=False) as server:
        people = [server.user(f"P{number}") for number in range(20)]
        async with running(server, checkpoints, tmp_path, **AUTO):
            written = await asyncio.gather(
                *(answer(server, each, server.private(each), PHRASE) for each in people)
            )
        assert all(phrase_of(each) == PHRASE for each in written)
        assert server.violations == []
