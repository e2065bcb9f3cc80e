"""The queue of cards: bounded for each place, fair between places."""

from __future__ import annotations

import asyncio

from bot.card import Card
from bot.requests.job import Requester
from bot.service.cards import MOST_WAITING, CardQueue

CARD = Card("En un lugar", " de la Mancha.", None, 14, "c7d1aeb08b9d")


def visitor(number: int) -> Requester:
    return Requester("web", number, None)


async def test_waiting_cards_of_a_place_are_bounded() -> None:
    cards = CardQueue()
    tasks = []
    while not cards.full(visitor(0)):
        tasks.append(asyncio.create_task(cards.render(CARD, visitor(len(tasks)))))
        await asyncio.sleep(0)
    assert len(tasks) == 1 + MOST_WAITING
    assert not cards.full(Requester("discord", 1, 2))
    pictures = await asyncio.gather(*tasks)
    assert all(picture is not None for picture in pictures)
    assert not cards.full(visitor(0))


async def test_chat_waits_for_one_card_of_a_crowd() -> None:
    cards, ended = CardQueue(), []

    async def render(requester: Requester) -> None:
        assert await cards.render(CARD, requester)
        ended.append(requester.platform)

    crowd = [asyncio.create_task(render(visitor(number))) for number in range(6)]
    await asyncio.sleep(0)
    await asyncio.gather(render(Requester("telegram", 1, -5)), *crowd)
    assert ended.index("telegram") <= 2


async def test_visitor_who_leaves_frees_the_place() -> None:
    cards = CardQueue()
    tasks = [asyncio.create_task(cards.render(CARD, visitor(number))) for number in range(9)]
    await asyncio.sleep(0)
    assert cards.full(visitor(0))
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not cards.full(visitor(0))
    assert await cards.render(CARD, visitor(1))
