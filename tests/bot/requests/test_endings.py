"""Options of endings, and the lines on which they are shown and read back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.telegram.rendering import LIMIT, read_endings, render_endings, render_shown, units
from bot.requests.endings import (
    ENDINGS,
    LEAST_TEMPERATURE,
    Endings,
    as_line,
    fitted,
    of_line,
    variants,
)
from bot.texts import ENGLISH, SPANISH, say
from model.engine.result import Result
from model.text.prompt import SEEDS, Options

ONE_LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\u2060")
)


def result(phrase: str, continuation: str, **changes: object) -> Result:
    plain = Result(phrase, continuation, (), None, 1, "c3ef", len(continuation), 0, ())
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_endings_have_one_sentence_and_own_seeds() -> None:
    asked = Options(sentences=4, style="galdos", temperature=1.2, seed=41)
    assert variants(asked, ENDINGS) == [
        replace(asked, sentences=1, seed=seed) for seed in (41, 42, 43)
    ]


def test_low_temperature_is_raised() -> None:
    cold = variants(Options(temperature=0), ENDINGS)
    assert {each.temperature for each in cold} == {LEAST_TEMPERATURE}


def test_seeds_wrap_around() -> None:
    assert [each.seed for each in variants(Options(seed=SEEDS[1]), 2)] == [SEEDS[1], 0]


@given(ONE_LINE)
def test_of_line_inverts_as_line(continuation: str) -> None:
    line = as_line(continuation)
    assert of_line(line) == continuation
    assert line[:1] not in ("", " ")


def test_line_marks_a_continued_word() -> None:
    assert as_line(" de la Mancha.") == "de la Mancha."
    assert as_line("cha vivía.") == "…cha vivía."
    assert as_line(", dijo.") == "…, dijo."


def test_endings_share_the_common_phrase() -> None:
    whole, completed = result("Y entonces…", " cayó."), result("Y enton", "tecido.")
    endings = Endings.of([whole, completed, completed], SPANISH)
    assert endings.phrase == "Y enton"
    assert [endings.phrase + each for each in endings.continuations] == [
        each.text for each in (whole, completed, completed)
    ]


def test_notices_of_endings_are_merged() -> None:
    results = [result("Y", " a", truncated=n, dropped=("☃",)) for n in (0, 1, 1)]
    assert Endings.of(results, ENGLISH).notices == (
        say("dropped", ENGLISH, characters="☃"),
        say("truncated_many", ENGLISH, count=2),
    )


def test_longest_ending_is_cut_first() -> None:
    short, long = " a b.", " palabra" * 50
    assert fitted([short, long], lambda all_: sum(map(len, all_)) <= 1000) == ([short, long], False)
    kept, cut = fitted([short, long], lambda all_: sum(map(len, all_)) <= 100)
    assert (kept[0], cut) == (short, True)
    assert kept[1].endswith(" palabra...")
    assert 50 < len(kept[1]) <= 95
    assert fitted([long], lambda _: False)[0] == ["..."]


@given(st.lists(st.tuples(ONE_LINE, st.integers(1, 40)), min_size=ENDINGS, max_size=ENDINGS))
def test_telegram_endings_are_read_back(parts: list[tuple[str, int]]) -> None:
    phrase = "Vino @ana a ejemplo.com"
    results = [result(phrase, f" {text * times} fin.") for text, times in parts]
    rendered = render_endings(Endings.of(results, SPANISH), SPANISH)
    assert units(rendered.text) <= LIMIT
    shown = read_endings(rendered.text, rendered.entities)
    assert [each.phrase for each in shown] == [phrase] * ENDINGS
    if say("cut") not in rendered.text:
        assert [each.text for each in shown] == [each.text for each in results]
    for each in shown:
        alone = render_shown(each)
        assert read_endings(alone.text, alone.entities) == []
