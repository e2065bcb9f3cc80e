"""Presets that are changed from the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from training.recipe.overrides import PresetError, assignments, changed
from training.recipe.presets import PRESETS, Phase, Preset

TINY = PRESETS["tiny"]


def test_sets_a_field_of_each_type() -> None:
    preset = changed(
        TINY,
        [
            "layers=3",
            "dropout=0.25",
            "muon_rate=none",
            "ema=none",
            "final_norm=false",
            "reshuffle=true",
            "family=reference",
            "phases=0:16:2,0.5:64:4",
        ],
    )
    assert (preset.layers, preset.dropout, preset.muon_rate) == (3, 0.25, None)
    assert (preset.ema, preset.final_norm, preset.reshuffle) == (None, False, True)
    assert preset.family == "reference"
    assert preset.phases == (Phase(0.0, 16, 2), Phase(0.5, 64, 4))
    assert preset.width == TINY.width


def test_sets_memory_orders() -> None:
    preset = changed(PRESETS["medium"], ["memory_orders=2,5", "memory_words=none"])
    assert (preset.memory_orders, preset.memory_words) == ((2, 5), ())


def test_last_assignment_wins() -> None:
    assert changed(TINY, ["layers=3", "layers=4"]).layers == 4


@pytest.mark.parametrize("name", PRESETS)
def test_assignments_turn_any_preset_into_any_other(name: str) -> None:
    for origin in PRESETS.values():
        assert changed(origin, assignments(PRESETS[name], origin)) == PRESETS[name]
    assert assignments(PRESETS[name], PRESETS[name]) == []


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("layers", "'layers' sets nothing; write it as name=value"),
        ("depth=3", "no preset has 'depth'; there are family, context"),
        ("layers=three", "layers cannot be 'three'; expected a whole number"),
        ("layers=1.5", "layers cannot be '1.5'; expected a whole number"),
        ("dropout=", "dropout cannot be ''; expected a number"),
        ("muon_rate=fast", "muon_rate cannot be 'fast'; expected a number or none"),
        ("adam_rate=none", "adam_rate cannot be 'none'; expected a number"),
        ("final_norm=yes", "final_norm cannot be 'yes'; expected true or false"),
        ("family=old", "family cannot be 'old'; expected reference or modern"),
        ("phases=64:4", "expected phases as start:length:batch"),
        ("phases=0.5:64:4", "phases must begin at 0"),
        ("phases=0:64:4,0:32:4", "each later than the one before"),
        ("phases=0:65:4", "a phase of 4 windows of 65 characters cannot be"),
        ("phases=0:64:0", "a phase of 0 windows"),
        ("heads=3", "width 32 does not split into 3 heads"),
        ("dropout=1", "dropout is 1.0, expected 0 to 1"),
        ("memory_dropout=1", "memory_dropout is 1.0, expected 0 to 0.95"),
        ("adam_rate=nan", "adam_rate is nan, expected 1e-09 to 10"),
        ("accumulation=0", "accumulation is 0, expected 1 to 1e+06"),
    ],
)
def test_invalid_assignment_is_one_sentence(assignment: str, said: str) -> None:
    with pytest.raises(PresetError) as raised:
        changed(TINY, [assignment])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_number_of_a_preset_is_bounded() -> None:
    """A field without a bound would only fail in the middle of a run."""
    numbers = [each.name for each in fields(Preset) if "float" in str(each.type)]
    assert len(numbers) > 10
    for name in numbers:
        with pytest.raises(PresetError):
            changed(TINY, [f"{name}={math.inf}"])


def test_command_refuses_in_one_sentence(tmp_path: Path, refused: Callable[..., str]) -> None:
    fixed = ("train", "--preset", "tiny", "--data", tmp_path, "--out", tmp_path / "run")
    assert "no preset has 'x'" in refused(*fixed, "--set", "x=1")
    assert "cannot be changed so" in refused(*fixed, "--set", "layers=0")
