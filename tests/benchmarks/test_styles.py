"""The classifier that names authors, and the benchmark that asks it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.styles.__main__ import UNASKED, Verdict, judge, largest, recognised, right
from benchmarks.styles.authorship import (
    cross_validated,
    held_back,
    known_well_enough,
    pieces,
    pooled,
    without_names,
)
from tests.benchmarks.books import WORDS, made_up, paragraph, saved
from tests.benchmarks.test_answers import benchmark

AUTHORS = sorted(WORDS)


def test_classifier_reads_no_training_paragraphs() -> None:
    corpus = made_up(held=3)
    learned = {each.text for each in corpus.train}
    known = held_back(corpus)
    assert len(known) == 2 * (2 + 2 + 3)
    assert not learned & {each.text for each in known}


def test_pieces_are_five_whole_sentences_of_one_paragraph() -> None:
    whole = paragraph("galdos", 0)
    short = replace(whole, sentences=whole.sentences[:12])
    found = pieces([short, paragraph("cervantes", 0)], ["galdos"])
    assert [piece.text for piece in found] == [
        " ".join(whole.sentences[:5]),
        " ".join(whole.sentences[5:10]),
    ]


def test_an_author_of_one_paragraph_is_not_judged() -> None:
    found = pieces(
        [*(paragraph("galdos", n) for n in range(2)), paragraph("cervantes", 0)], AUTHORS
    )
    assert known_well_enough(found) == ["galdos"]


def test_distinct_authors_are_recognised_in_unseen_text() -> None:
    found = pieces(held_back(made_up(dev=4, validation=4)), AUTHORS)
    named = cross_validated(found).argmax(axis=1)
    real = [AUTHORS.index(piece.author) for piece in found]
    assert np.mean(named == real) > 0.9


def test_attribution_follows_the_text_and_not_the_request() -> None:
    known = pieces(held_back(made_up(dev=4, validation=4)), AUTHORS)
    like_galdos = [" ".join(paragraph("galdos", n, "new").sentences[:5]) for n in range(20)]
    written = {"galdos": like_galdos, "cervantes": like_galdos, UNASKED: like_galdos}
    real, named = judge(known, written, without_names)
    assert {author: right(real[author].samples, author) for author in real} == {
        "cervantes": "3 of 3 (100 %)",
        "galdos": "3 of 3 (100 %)",
    }
    assert named["galdos"].samples == named["cervantes"].samples == Counter(galdos=2)
    assert named["cervantes"].texts["cervantes"] < 5


def test_samples_pool_the_verdicts_of_their_texts() -> None:
    scores = np.log([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]])
    assert pooled(scores, 2).argmax(axis=1).tolist() == [1]
    assert pooled(scores, 3).shape == (1, 2)
    assert pooled(scores, 10).shape == (1, 2)  # all there is


def test_an_author_is_recognised_in_four_of_five_samples() -> None:
    verdicts = {
        "galdos": Verdict(Counter(), Counter(galdos=8, cervantes=2)),
        "cervantes": Verdict(Counter(), Counter(cervantes=7, galdos=3)),
        UNASKED: Verdict(Counter(), Counter(galdos=10)),
    }
    assert recognised(verdicts) == ["galdos"]


def test_names_are_masked_wherever_they_stand() -> None:
    assert without_names("Vino Ángel de Orbajosa, ¡Ay!, y Don-Q.") == "X X de X, ¡X!, y X-X."


def test_largest_authors_have_the_most_training_text() -> None:
    corpus = made_up()
    more = replace(corpus, train=(*corpus.train, paragraph("galdos", 99)))
    assert largest(more, ("cervantes", "galdos"), 1) == ["galdos"]
    assert largest(more, ("cervantes",), 10) == ["cervantes"]


def test_benchmark_judges_all_its_texts(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = saved(tmp_path / "data", made_up(held=2))
    arguments = ("--data", data, "--checkpoint", tiny_checkpoint, "--samples", 1)
    done = benchmark("styles", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert list(told["views"]) == ["as it stands", "without names"]
    for view in told["views"].values():
        assert set(view["written"]) == {*AUTHORS, UNASKED}
        for named in view["written"].values():
            assert sum(named["texts"].values()) == 10
            assert sum(named["samples"].values()) == 1
        for author in AUTHORS:  # six paragraphs of four pieces: two samples of ten, four left
            assert sum(view["real"][author]["texts"].values()) == 24
            assert sum(view["real"][author]["samples"].values()) == 2


def test_data_set_without_held_paragraphs_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = saved(tmp_path / "data", made_up(dev=0, validation=0))
    done = benchmark("styles", "--data", data, "--checkpoint", tiny_checkpoint)
    assert done.returncode == 1
    assert done.stderr.endswith("holds back text of fewer than two of its authors\n")
    assert "Traceback" not in done.stderr
