"""What a table of drafts is counted from, and the command that writes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.draft_table import ORDERS
from model.checkpoint.filenames import DRAFTS
from tests.conftest import save_tiny
from training.data.drafts import make_drafts


def test_rare_contexts_predict_nothing() -> None:
    assert not make_drafts(np.arange(200) % 199, bits=8).slots.any()
    assert make_drafts(np.arange(1000) % 20, bits=8).slots.any()


def test_redundant_longer_context_takes_no_slot() -> None:
    always = make_drafts(np.arange(2000) % 50, bits=16).slots
    assert np.count_nonzero(always) == 50  # of the shortest length alone
    assert len(ORDERS) > 1


def test_most_frequent_context_keeps_its_slot() -> None:
    often, seldom = np.tile(np.arange(10), 100), np.tile(np.arange(100, 110), 4)
    slots = make_drafts(np.concatenate([seldom, often]), bits=1).slots
    assert set(slots[slots > 0] >> 8 & 0xFF) <= set(range(10))


def test_too_many_different_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="256"):
        make_drafts(np.arange(300))


def test_the_command_writes_the_table_beside_the_weights(
    run: Callable[..., Result], corpus_folder: Path, tmp_path: Path
) -> None:
    checkpoint = save_tiny(tmp_path / "tiny")
    assert run("drafts", checkpoint, "--data", corpus_folder).exit_code == 0
    drafts = read_checkpoint(checkpoint).drafts
    assert drafts is not None
    assert drafts.slots.any()
    assert (checkpoint / DRAFTS).stat().st_size < 1 << 20


def test_without_a_checkpoint_there_is_no_table(
    refused: Callable[..., str], corpus_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert "config.json" in refused("drafts", tmp_path / "empty", "--data", corpus_folder)
