"""Button ids hold the whole state, and forged ids are rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.requests.buttons import ID_BYTES, Button, Verb
from training.data.works import CONSSA_STYLES, WORKS

STYLES = {work.style for work in WORKS} | set(CONSSA_STYLES.values())
BUTTONS = st.builds(
    Button,
    verb=st.sampled_from(Verb),
    user=st.integers(0, 2**64 - 1),
    sentences=st.integers(1, 5),
    temperature=st.integers(0, 200).map(lambda hundredths: hundredths / 100),
    seed=st.integers(0, 2**63 - 1),
    checkpoint=st.text("0123456789abcdef", min_size=12, max_size=12),
    style=st.none() | st.sampled_from(sorted(STYLES)),
)


@given(BUTTONS)
def test_button_id_round_trip(button: Button) -> None:
    assert len(button.id.encode()) <= ID_BYTES
    assert Button.read(button.id) == button


@given(BUTTONS, st.text("abcdefghijklmnopqrstuvwxyz_", min_size=41) | st.just("josé"))
def test_overlong_style_is_omitted(button: Button, style: str) -> None:
    unfit = Button(**{**vars(button), "style": style})
    assert Button.read(unfit.id) == Button(**{**vars(button), "style": None})


@given(st.text() | st.from_regex(r"[catdfx123]\.\w+\.\w+\.\d+\.\w+\.\w*", fullmatch=True))
def test_foreign_ids_are_no_buttons(text: str) -> None:
    button = Button.read(text)
    assert button is None or Button.read(button.id) == button


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.1.1.2080.c7d1.",
        "c.1.1.6080.c7d1.",
        "c.1.1.2201.c7d1.",
        "c.1.zzzzzzzzzzzzz.2080.c7d1.",
        "c.1.1.2080.c7d1.Galdós",
        "c.1.1.2080.c7d1.\n",
        " c.1.1.2080.c7d1.",
        "c.1.1.2080.c7d1",
    ],
)
def test_malformed_ids_are_no_buttons(text: str) -> None:
    assert Button.read(text) is None
