"""What is shown of an unfinished answer."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.executor.generation import Restarted
from bot.service.previews import AS_WRITTEN, Drafts, showable


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
def test_a_text_is_shown_up_to_a_sentence_or_a_word(text: str, shown: str) -> None:
    assert showable(text) == shown


async def test_nothing_is_shown_of_a_quick_answer() -> None:
    async with Drafts(asked=time.monotonic()) as drafts:
        assert drafts.add("Una frase que viene pronto. Y otra") is None


async def test_after_a_while_each_text_is_shown_once() -> None:
    async with Drafts(asked=time.monotonic() - 100) as drafts:
        assert drafts.add("una palabra y me") == "una palabra y"
        assert drafts.add("dia más") is None  # too soon after the last


async def test_where_drafts_cost_nothing_every_piece_is_shown_at_once() -> None:
    async with Drafts(asked=time.monotonic(), pace=AS_WRITTEN) as drafts:
        assert drafts.add("una pal") == "una pal"
        assert drafts.add("abra") == "una palabra"
        assert drafts.add("") is None


async def test_an_edit_under_way_keeps_the_next_from_starting_and_is_waited_for() -> None:
    ended = False

    async def edit() -> None:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True

    async with Drafts(asked=time.monotonic() - 100) as drafts:
        assert drafts.add("una palabra ") is not None
        drafts.show(edit())
        drafts._due = 0.0
        assert drafts.add("y otra ") is None
    assert ended


async def test_a_restarted_text_is_shown_again_only_where_it_has_grown() -> None:
    async with Drafts(asked=time.monotonic() - 100) as drafts:
        assert drafts.add("una palabra y ") == "una palabra y"
        drafts._due = 0.0
        assert drafts.add(Restarted()) is None
        assert drafts.add("una palabra ") is None
        assert drafts.add("y otra más ") == "una palabra y otra más"
