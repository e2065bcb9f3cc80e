"""Candidates in a real worker: how many, and the text they lead to."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.executor.executor import Executor
from model.native import library
from model.text.prompt import Options, candidates_of
from tests.bot.executors import PHRASE, first_piece, running, signal_worker, write

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(library.load() is None, reason="the native kernel was not built"),
]

CHOSEN = Options(sentences=2, sentence_limit=60, seed=7, candidates=6)
# Takes seconds, even with the kernel.
LONG = Options(sentences=5, sentence_limit=4000, seed=7, candidates=32)


def executor_of(tiny: Path, **changes: Any) -> AbstractAsyncContextManager[Executor]:
    """An executor whose worker computes with the kernel."""
    return running(tiny, engine="native", **changes)


@pytest.fixture
def tiny(checkpoints: Path) -> Path:
    return checkpoints / "tiny"


async def test_batching_keeps_text_with_candidates(tiny: Path) -> None:
    async with executor_of(tiny) as executor:
        alone = await write(executor, options=CHOSEN)
        assert alone.candidates == 12
        company = [replace(CHOSEN, seed=seed, candidates=1 + 3 * seed) for seed in range(5)]
        together = await asyncio.gather(
            write(executor, options=CHOSEN), *(write(executor, options=each) for each in company)
        )
        assert together[0] == alone


async def test_load_lowers_default_candidates(tiny: Path) -> None:
    async with executor_of(tiny) as executor:
        free = replace(CHOSEN, candidates=None)
        counts = []
        generations = [executor.submit(PHRASE, free) for _ in range(40)]
        for generation in generations:
            result = await generation.result()
            counts.append(candidates_of(result.seed))
            # A single candidate is not counted.
            assert result.candidates in (2 * counts[-1], 0 if counts[-1] == 1 else -1)
        assert counts[0] == max(counts) > 1
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] == 1
        again = await write(executor, options=free)
        assert candidates_of(again.seed) == counts[0]


async def test_shown_seed_reproduces_text(tiny: Path) -> None:
    async with executor_of(tiny) as executor:
        free = replace(CHOSEN, candidates=None)
        shown = await executor.submit(PHRASE, free).result()
        asked = replace(CHOSEN, seed=shown.seed, candidates=candidates_of(shown.seed))
        assert await write(executor, options=asked) == shown


async def test_killed_worker_keeps_text_with_candidates(tiny: Path) -> None:
    chosen = replace(LONG, sentences=2, sentence_limit=1000)
    async with executor_of(tiny) as executor:
        expected = await write(executor, options=chosen)
        generation = executor.submit(PHRASE, chosen)
        await asyncio.sleep(0.05)
        signal_worker(executor, signal.SIGKILL)
        assert await generation.result() == expected
        assert executor.restarts == 1


async def test_cancel_frees_slots_of_all_candidates(tiny: Path) -> None:
    async with executor_of(tiny, max_batch=4) as executor:
        generation = executor.submit(PHRASE, LONG)
        await asyncio.sleep(0.1)
        executor.cancel(generation)
        result = await asyncio.wait_for(write(executor, options=CHOSEN), 30)
        assert len(result.sentences) == 2


async def test_reload_keeps_old_model_for_started_candidates(tiny: Path, checkpoints: Path) -> None:
    chosen = replace(CHOSEN, sentences=5, candidates=16)
    async with executor_of(tiny) as executor:
        expected = await write(executor, options=chosen)
        generation = executor.submit(PHRASE, chosen)
        await first_piece(generation)
        await executor.reload(checkpoints / "otro")
        assert await generation.result() == expected
        assert (await write(executor, options=chosen)).checkpoint != expected.checkpoint


async def test_stream_has_whole_sentences_with_candidates(tiny: Path) -> None:
    async with executor_of(tiny) as executor:
        generation = executor.submit(PHRASE, replace(CHOSEN, sentences=3))
        pieces = [piece async for piece in generation]
        result = await generation.result()
        assert "".join(map(str, pieces)) == result.continuation
        assert 1 <= len(pieces) <= 3


async def test_pytorch_on_cpu_defaults_to_one_candidate(tiny: Path) -> None:
    async with running(tiny) as executor:
        result = await write(executor, options=replace(CHOSEN, candidates=None))
        assert (candidates_of(result.seed), result.candidates) == (1, 0)
