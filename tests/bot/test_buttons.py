"""What a button's id holds comes back, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import ID_BYTES, Button, Verb
from model.prompt import SEEDS, SENTENCES, TEMPERATURES

BUTTONS = st.builds(
    Button,
    verb=st.sampled_from(list(Verb)),
    user=st.integers(1, 2**63 - 1),
    sentences=st.integers(*SENTENCES),
    temperature=st.integers(*(round(100 * bound) for bound in TEMPERATURES)).map(
        lambda hundredths: hundredths / 100
    ),
    seed=st.integers(*SEEDS),
    checkpoint=st.text("0123456789abcdef", min_size=12, max_size=12),
    style=st.none() | st.from_regex(r"[a-z0-9_-]{1,24}", fullmatch=True),
)


@given(BUTTONS)
def test_a_button_comes_back_from_its_id(button: Button) -> None:
    read = Button.read(button.id)
    assert read is not None
    # A style that does not fit is left out; nothing else is.
    assert read in (button, replace(button, style=None))


@given(BUTTONS)
def test_every_id_fits_where_the_narrowest_platform_keeps_it(button: Button) -> None:
    assert len(button.id.encode()) <= ID_BYTES


@given(st.integers(0, 999_999_999), st.integers(10**17, 2 * 10**18))
def test_the_styles_there_are_always_fit(seed: int, user: int) -> None:
    button = Button(Verb.AGAIN, user, 2, 0.8, seed, "c7d1aeb08b9d", "pardo_bazan")
    assert Button.read(button.id) == button


@given(st.text() | st.from_regex(r"[cadx]\.[0-9a-z.]{0,60}", fullmatch=True))
def test_anything_else_is_refused_without_a_fuss(text: str) -> None:
    read = Button.read(text)
    assert read is None or (read.sentences in range(1, 6) and 0 <= read.temperature <= 2)


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
def test_what_is_nearly_a_button_is_none(text: str) -> None:
    assert Button.read(text) is None
