"""Previews of an unfinished answer."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.executor.generation import Restarted
from bot.requests.platform import AS_WRITTEN
from bot.service.previews import Previews, showable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("una", ""),
        ("una palabra y me", "una palabra y"),
        ("Primera frase. Segunda fra", "Primera frase."),
        ("Dijo el Sr. Pérez", "Dijo el Sr."),
    ],
)
def test_showable_ends_with_sentence_or_word(text: str, shown: str) -> None:
    assert showable(text) == shown


async def test_quick_answer_has_no_preview() -> None:
    async with Previews(asked=time.monotonic()) as previews:
        assert previews.add("Una frase que viene pronto. Y otra") is None


async def test_each_preview_is_shown_once() -> None:
    async with Previews(asked=time.monotonic() - 100) as previews:
        assert previews.add("una palabra y me") == "una palabra y"
        assert previews.add("dia más") is None  # too soon after the last


async def test_as_written_shows_every_piece() -> None:
    async with Previews(asked=time.monotonic(), pace=AS_WRITTEN) as previews:
        assert previews.add("una pal") == "una pal"
        assert previews.add("abra") == "una palabra"
        assert previews.add("") is None


async def test_one_edit_at_a_time_and_none_outlives() -> None:
    ended = False

    async def edit() -> None:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True

    async with Previews(asked=time.monotonic() - 100) as previews:
        assert previews.add("una palabra ") is not None
        previews.show(edit())
        previews._due = 0.0
        assert previews.add("y otra ") is None
    assert ended


async def test_restarted_text_is_shown_once_it_has_grown() -> None:
    async with Previews(asked=time.monotonic() - 100) as previews:
        assert previews.add("una palabra y ") == "una palabra y"
        previews._due = 0.0
        assert previews.add(Restarted()) is None
        assert previews.add("una palabra ") is None
        assert previews.add("y otra más ") == "una palabra y otra más"
