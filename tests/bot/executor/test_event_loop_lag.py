"""The event loop stays free while the worker is busy; the only test here that measures time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.executor.generation import Generation
from tests.bot.executors import ENDLESS, PHRASE, first_piece, running

SLEEP = 0.005
SAMPLES = 300
ALLOWED = 0.050


async def read_on(writing: Generation) -> None:
    async for _ in writing:
        pass


@pytest.mark.timeout(120)
async def test_event_loop_lags_under_50_ms_during_8_texts(
    checkpoints: Path,
) -> None:
    async with running(checkpoints / "tiny") as executor:
        writings = [executor.submit(PHRASE, replace(ENDLESS, seed=seed)) for seed in range(8)]
        await asyncio.gather(*map(first_piece, writings))
        readers = [asyncio.create_task(read_on(writing)) for writing in writings]
        lags = []
        for _ in range(SAMPLES):
            begun = time.perf_counter()
            await asyncio.sleep(SLEEP)
            lags.append(time.perf_counter() - begun - SLEEP)
        assert not any(writing.done for writing in writings), "the worker was not busy throughout"
        for writing in writings:
            executor.cancel(writing)
        await asyncio.gather(*readers)
    # One sample in a hundred may be a pause of the machine.
    assert sorted(lags)[int(0.99 * SAMPLES)] < ALLOWED
