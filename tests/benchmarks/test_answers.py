"""The benchmark of what a checkpoint writes, with an untrained one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.answers.__main__ import beginnings, own_part, whole
from model.engine.result import Result
from tests.benchmarks.books import made_up, saved
from tests.conftest import REPOSITORY


def benchmark(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m benchmarks.NAME`."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_opening_and_continuation_are_adjacent_in_the_book() -> None:
    corpus = made_up()
    places = [paragraph.text for paragraph in corpus.validation]
    found = beginnings(corpus, 10)
    assert len({each.phrase for each in found}) > 1
    for each in found:
        assert 2 <= len(each.phrase.split()) <= 6
        assert " ".join(each.book.sentences) == each.phrase + each.book.written
        assert any(each.phrase + each.book.written in place for place in places)


def test_no_sentence_is_in_two_of_the_books_texts() -> None:
    found = beginnings(made_up(validation=1), 1000)
    sentences = [sentence for each in found for sentence in each.book.sentences]
    assert len(found) == 2 * 10
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(
    ("phrase", "text", "complete"),
    [
        ("Era", "Era de noche. Llovía.", True),
        ("Era", "Era de noche. Llovía. Nevaba.", False),
        ("Era", "Era de noche y", False),
        ("¡Ay! Era", "¡Ay! Era de noche. Llovía.", True),
        ("El", "El Sr. Cura habló. Calló.", True),
        ("Se fue.", "Se fue. Llovía. Nevaba.", True),
    ],
)
def test_whole_answers_have_the_sentences_asked_for(phrase: str, text: str, complete: bool) -> None:
    result = Result(phrase, text[len(phrase) :], (), None, 0, "", 0, 0, ())
    assert whole(result, 2) is complete


@pytest.mark.parametrize(
    ("phrase", "text", "own"),
    [
        ("Era de", "Era de noche.", " noche."),
        ("«Ya era", "«Ya eran dos.", "eran dos."),
        ("Sí, ¿tu", "Sí, ¿tuya?", "tuya?"),
        ("Vino,", "Vino, y calló.", " y calló."),
        ("A las 12", "A las 12y.", "y."),
    ],
)
def test_word_begun_by_the_phrase_is_measured_whole(phrase: str, text: str, own: str) -> None:
    assert own_part(Result(phrase, text[len(phrase) :], (), None, 0, "", 0, 0, ())) == own


def test_benchmark_reports_answers_and_books(tiny_checkpoint: Path, tmp_path: Path) -> None:
    corpus = made_up()
    data, picture = saved(tmp_path / "data", corpus), tmp_path / "pictures" / "answers.png"
    done = benchmark(
        "answers", "--data", data, "--checkpoint", tiny_checkpoint, "--phrases", 4,
        "--json", "--picture", picture,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["data"] == "made-up"
    assert (told["written"]["texts"], told["books"]["texts"]) == (4, 4)
    assert told["books"]["in_corpus"] == 1
    assert told["books"]["percentiles"]["sentence_lengths"]["most"] > 40
    learned = [paragraph.text for paragraph in corpus.train]
    for copy in told["written"]["copies"]:
        assert any(copy in text for text in learned)
    with Image.open(picture) as image:
        assert image.format == "PNG"


def test_the_benchmark_prints_tables(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = saved(tmp_path / "data", made_up())
    done = benchmark("answers", "--data", data, "--checkpoint", tiny_checkpoint, "--phrases", 2)
    assert done.returncode == 0, done.stderr
    for told in ("of exactly two complete sentences", "of these in the corpus", "longest copies"):
        assert told in done.stdout
