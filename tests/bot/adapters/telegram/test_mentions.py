"""Mentions in groups whose messages the bot can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.texts import say
from tests.bot.adapters.telegram.running import running
from tests.bot.adapters.telegram.talk import PHRASE, answer, phrase_of
from tests.fakes.telegram import FakeTelegram, Features

pytestmark = pytest.mark.timeout(120)


async def test_mentions_are_continued(checkpoints: Path, tmp_path: Path) -> None:
    features = Features(can_read_all_group_messages=True)
    async with (
        FakeTelegram(features=features, flood=False) as server,
        running(server, checkpoints, tmp_path),
    ):
        ana, bea = server.user("Ana"), server.user("Bea")
        group = server.supergroup("Tertulia", ana, bea)
        unheard = [
            await server.say(bea, group, text)
            for text in (PHRASE, "Escriba a yo@litteragpt_bot", "@litteragpt_bot2 Hola")
        ]
        named = await answer(server, ana, group, f"@LitteraGPT_bot, {PHRASE}")
        assert phrase_of(named) == PHRASE
        assert phrase_of(await answer(server, ana, group, f"{PHRASE} @litteragpt_bot")) == PHRASE
        theirs = await server.say(bea, group, "Érase una vez un caballero")
        called = await answer(server, ana, group, "@litteragpt_bot", reply_to=theirs)
        assert phrase_of(called) == "Érase una vez un caballero"
        assert (await answer(server, ana, group, "@litteragpt_bot")).text == say("ask_phrase")
        assert not [each for each in (*unheard, theirs) if server.replies_to(each)]
