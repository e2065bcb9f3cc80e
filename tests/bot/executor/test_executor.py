"""Requests while the worker lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.executor.executor import Executor
from bot.executor.generation import Generation, QueueFullError
from model.errors import PromptError
from model.text.prompt import Options
from tests.bot.executors import ENDLESS, PHRASE, SHORT, first_piece, running, write

ROWS = 4
QUEUE_LIMIT = 12
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(checkpoints: Path) -> AsyncIterator[Executor]:
    async with running(checkpoints / "tiny", max_batch=ROWS, queue_limit=QUEUE_LIMIT) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_pending(executor: Executor) -> AsyncIterator[None]:
    yield
    assert executor.pending == 0


def submit_many(executor: Executor, count: int) -> list[Generation]:
    return [executor.submit(PHRASE, replace(ENDLESS, seed=seed)) for seed in range(count)]


def cancel_all(executor: Executor, generations: list[Generation]) -> None:
    for generation in generations:
        executor.cancel(generation)


async def test_result_has_requested_sentences(executor: Executor) -> None:
    result = await write(executor, options=replace(SHORT, sentences=3, style="Galdós"))
    assert len(result.sentences) == 3
    assert result.text.startswith(PHRASE)
    assert result.text.endswith(" ".join(result.sentences))
    assert (result.style, result.seed) == ("galdos", SHORT.seed)
    assert result.checkpoint == executor.serving.checkpoint


@pytest.mark.parametrize("phrase", [PHRASE, "Dijo el cura.", "Y calló..."])
async def test_streamed_pieces_join_to_continuation(executor: Executor, phrase: str) -> None:
    generation = executor.submit(phrase, replace(SHORT, sentence_limit=200))
    pieces = [piece async for piece in generation]
    result = await generation.result()
    assert len(pieces) > 1
    assert result.phrase + "".join(map(str, pieces)) == result.text
    assert phrase.startswith(result.phrase)


async def test_batching_keeps_text_of_seed(executor: Executor) -> None:
    alone = await write(executor)
    company = [replace(SHORT, seed=seed) for seed in range(8)]
    texts = await asyncio.gather(*(write(executor, options=options) for options in company))
    assert texts[SHORT.seed] == alone
    assert len({result.text for result in texts}) == len(texts)


async def test_more_requests_than_slots_are_all_answered(executor: Executor) -> None:
    answered = executor.answered
    phrases = [f"Capítulo {number}" for number in range(QUEUE_LIMIT)]
    results = await asyncio.gather(*(write(executor, phrase) for phrase in phrases))
    assert [result.phrase for result in results] == phrases
    assert executor.answered == answered + QUEUE_LIMIT


async def test_short_request_overtakes_long_ones(executor: Executor) -> None:
    long = submit_many(executor, ROWS - 1)
    await first_piece(long[0])
    await write(executor)
    assert not any(generation.done for generation in long)
    cancel_all(executor, long)


async def test_cancel_frees_slot_for_next_request(executor: Executor) -> None:
    long = submit_many(executor, ROWS)
    await asyncio.gather(*map(first_piece, long))
    waiting = executor.submit(PHRASE, SHORT)
    await first_piece(long[0])
    assert not waiting.done
    executor.cancel(long[0])
    await waiting.result()
    assert not any(generation.done for generation in long[1:])
    cancel_all(executor, long)


async def test_cancel_ends_stream_and_result(executor: Executor) -> None:
    generation = executor.submit(PHRASE, ENDLESS)
    async for _ in generation:
        executor.cancel(generation)
    with pytest.raises(asyncio.CancelledError):
        await generation.result()
    executor.cancel(generation)  # the second call has no effect


async def test_cancelled_wait_keeps_request(executor: Executor) -> None:
    generation = executor.submit(PHRASE, SHORT)
    impatient = asyncio.create_task(generation.result())
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await generation.result()).text.startswith(PHRASE)


async def test_full_queue_refuses_until_it_empties(executor: Executor) -> None:
    long = submit_many(executor, QUEUE_LIMIT)
    with pytest.raises(QueueFullError) as refusal:
        executor.submit(PHRASE, SHORT)
    assert refusal.value.limit == QUEUE_LIMIT
    cancel_all(executor, long)
    assert (await write(executor)).text.startswith(PHRASE)


@pytest.mark.parametrize(
    ("phrase", "options", "code"),
    [
        ("", SHORT, "empty"),
        (" \n\t ", SHORT, "empty"),
        ("\u200f\u202e\x00", SHORT, "unwritable"),
        ("\N{DRAGON}\N{OLIVE}", SHORT, "unwritable"),
        ("\ud800", SHORT, "unwritable"),
        ("a" * 401, SHORT, "too_long"),
        (PHRASE, replace(SHORT, style="quevedo"), "style"),
        (PHRASE, replace(SHORT, style="x" * 2_000_000), "style"),
    ],
)
async def test_refused_phrase_leaves_other_requests_alone(
    executor: Executor, phrase: str, options: Options, code: str
) -> None:
    other = executor.submit(PHRASE, SHORT)
    with pytest.raises(PromptError) as refusal:
        await write(executor, phrase, options)
    assert refusal.value.code == code
    assert (await other.result()).text.startswith(PHRASE)


async def test_unknown_style_is_refused_with_known_styles(executor: Executor) -> None:
    with pytest.raises(PromptError) as refusal:
        await write(executor, options=replace(SHORT, style="quevedo"))
    assert tuple(refusal.value.values["known"]) == executor.serving.styles


@pytest.mark.parametrize(
    "phrase", ["@everyone hola", "**Hola** `mundo`", "Hola \N{DRAGON}", "nin\u0303o", "a\udcffb"]
)
async def test_unreadable_characters_are_shown_but_not_written(
    executor: Executor, phrase: str
) -> None:
    result = await write(executor, phrase)
    assert result.text.startswith(result.phrase)
    assert set(result.continuation).isdisjoint("@*`\N{DRAGON}\u0303\udcff")
    assert "\udcff" not in result.phrase
