"""Endings: how each is written, and the lines on which they are shown and read again."""

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


def test_each_ending_is_one_sentence_with_a_seed_of_its_own() -> None:
    asked = Options(sentences=4, style="galdos", temperature=1.2, seed=41)
    assert variants(asked, ENDINGS) == [
        replace(asked, sentences=1, seed=seed) for seed in (41, 42, 43)
    ]


def test_where_chance_has_no_say_it_is_given_one() -> None:
    cold = variants(Options(temperature=0), ENDINGS)
    assert {each.temperature for each in cold} == {LEAST_TEMPERATURE}


def test_the_last_seed_of_all_has_others_behind_it() -> None:
    assert [each.seed for each in variants(Options(seed=SEEDS[1]), 2)] == [SEEDS[1], 0]


@given(ONE_LINE)
def test_a_line_is_read_as_it_was_written(continuation: str) -> None:
    line = as_line(continuation)
    assert of_line(line) == continuation
    assert line[:1] not in ("", " ")


def test_a_line_shows_whether_a_word_goes_on() -> None:
    assert as_line(" de la Mancha.") == "de la Mancha."
    assert as_line("cha vivía.") == "…cha vivía."
    assert as_line(", dijo.") == "…, dijo."


def test_endings_have_the_part_of_the_phrase_in_common_that_all_of_them_show() -> None:
    whole, completed = result("Y entonces…", " cayó."), result("Y enton", "tecido.")
    endings = Endings.of([whole, completed, completed], SPANISH)
    assert endings.phrase == "Y enton"
    assert [endings.phrase + each for each in endings.continuations] == [
        each.text for each in (whole, completed, completed)
    ]


def test_what_holds_for_several_is_said_once() -> None:
    results = [result("Y", " a", truncated=n, dropped=("☃",)) for n in (0, 1, 1)]
    assert Endings.of(results, ENGLISH).notices == (
        say("dropped", ENGLISH, characters="☃"),
        say("truncated_many", ENGLISH, count=2),
    )


def test_only_what_does_not_fit_is_cut_and_the_longest_first() -> None:
    short, long = " a b.", " palabra" * 50
    assert fitted([short, long], lambda all_: sum(map(len, all_)) <= 1000) == ([short, long], False)
    kept, cut = fitted([short, long], lambda all_: sum(map(len, all_)) <= 100)
    assert (kept[0], cut) == (short, True)
    assert kept[1].endswith(" palabra...")
    assert 50 < len(kept[1]) <= 95
    assert fitted([long], lambda _: False)[0] == ["..."]


@given(st.lists(st.tuples(ONE_LINE, st.integers(1, 40)), min_size=ENDINGS, max_size=ENDINGS))
def test_on_telegram_endings_are_read_as_they_were_shown(parts: list[tuple[str, int]]) -> None:
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
