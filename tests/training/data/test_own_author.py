"""A data set of a person's own texts: its name, its parts, what a vocabulary can write of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from model.text.tokenizer import Tokenizer
from tests.conftest import TINY_TOKENIZER
from tests.training.editions import prose
from training.data.cleaning import CorpusError
from training.data.corpus import PARAGRAPH_SENTENCES, Corpus
from training.data.leakage_report import find_leaks
from training.data.own_author import LEAST_PART, build_own, style_name, writable


def written(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Some 60,000 characters of Ana's."""
    folder = tmp_path_factory.mktemp("own")
    return build_own([written(folder / "a.txt", prose("ana", 60_000))], "Ana")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ana", "ana"),
        ("Rosalía de Castro", "rosaliadecastro"),
        ("Núñez", "nunez"),
        ("Valle-Inclán", "valleinclan"),
        (" J. R. 2 ", "jr2"),
    ],
)
def test_a_name_becomes_what_a_person_types(typed: str, name: str) -> None:
    assert style_name(typed) == name


@pytest.mark.parametrize("typed", ["", "  ", "2ana", "Анна", "ana!", "a/b", "x" * 33])
def test_invalid_name_is_refused(typed: str) -> None:
    with pytest.raises(CorpusError, match="only letters and digits, 32 at most"):
        style_name(typed)


@pytest.mark.parametrize("typed", ["all", "Reference", "five-works", "ninguno"])
def test_reserved_name_is_refused(typed: str) -> None:
    with pytest.raises(CorpusError, match="means something else"):
        style_name(typed)


def test_parts_hold_every_paragraph_once(own: Corpus) -> None:
    indices = sorted(paragraph.index for paragraph in own.everything)
    assert indices == list(range(len(indices)))
    assert {(p.work, p.style) for p in own.everything} == {("ana-1", "ana")}
    assert {len(p.sentences) for p in own.train if p.index != indices[-1]} == {PARAGRAPH_SENTENCES}
    characters = own.facts["characters"]
    assert characters["validation"] >= LEAST_PART
    assert characters["dev"] >= LEAST_PART
    assert characters["train"] > 50_000
    assert own.tokenizer.styles == ("ana",)
    assert own.own


def test_data_set_does_not_depend_on_the_location_of_files(own: Corpus, tmp_path: Path) -> None:
    assert build_own([written(tmp_path / "b.txt", prose("ana", 60_000))], "ANA") == own
    own.save(tmp_path / "data")
    assert Corpus.load(tmp_path / "data") == own


def test_repeated_validation_text_is_not_learned(own: Corpus, tmp_path: Path) -> None:
    quoted = own.validation[0].sentences[3]
    more = written(tmp_path / "b.txt", f"{prose('more', 25_000)}\n\n{quoted}\n")
    first = written(tmp_path / "a.txt", prose("ana", 60_000))
    both = build_own([first, more], "ana")
    # The quotation is in one part only, whichever that is.
    assert {p.work for p in both.everything} == {"ana-1", "ana-2"}
    assert find_leaks(both, []) == []
    leaking = replace(both, train=(*both.train, both.validation[0]))
    assert find_leaks(leaking, []) != []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Era tarde. Llovía.", "too little text: 19 characters of prose in 2 sentences"),
        (prose("x", 15_000), "at least 20,000 in 80 sentences are needed"),
        ("palabra " * 10_000 + ".", "in 1 sentences"),
        ("UN TÍTULO\n\n" * 5_000, "too little text: 0 characters"),
    ],
)
def test_too_little_text_names_the_required_amount(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=said):
        build_own([written(tmp_path / "a.txt", text)], "ana")


def test_a_text_that_only_repeats_itself_is_refused(tmp_path: Path) -> None:
    page = prose("page", 1_900)
    with pytest.raises(CorpusError, match="left to train on, because the text repeats itself"):
        build_own([written(tmp_path / "a.txt", "\n\n".join([page] * 20))], "ana")


def test_a_text_named_twice_is_refused(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, prose("ana", 25_000)) for name in ("a", "b"))
    with pytest.raises(CorpusError, match=rf"{second}: holds the same text as {first}"):
        build_own([first, second], "ana")


def test_smallest_accepted_text_can_be_trained_on(tmp_path: Path) -> None:
    least = build_own([written(tmp_path / "a.txt", prose("ana", 20_400))], "ana")
    assert least.facts["characters"]["train"] > 10_000


def test_unknown_characters_are_replaced_or_dropped(own: Corpus) -> None:
    first = replace(own.train[0], sentences=("São ☺ ☺.", "☺", *own.train[0].sentences))
    corpus = replace(own, train=(first, *own.train[1:]))
    corpus = replace(corpus, tokenizer=Tokenizer(("ana",), own.tokenizer.characters + "ã☺"))
    shown, lost = writable(corpus, TINY_TOKENIZER)
    assert shown.train[0].sentences[:1] == ("Sao .",)
    assert shown.train[0].sentences[1:] == own.train[0].sentences
    assert shown.validation == own.validation
    assert lost.words == "replaced ã by a (1); left out ☺ (3)"
    assert lost.characters == 3
    assert writable(own, TINY_TOKENIZER)[1].words == ""


def test_a_long_list_of_losses_is_one_line(own: Corpus) -> None:
    signs = "".join(map(chr, range(0x2660, 0x2674)))
    first = replace(own.train[0], sentences=(*own.train[0].sentences, f"{signs}."))
    corpus = replace(own, train=(first, *own.train[1:]))
    corpus = replace(corpus, tokenizer=Tokenizer(("ana",), own.tokenizer.characters + signs))
    assert writable(corpus, TINY_TOKENIZER)[1].words.endswith("♫ (1) and 8 others")


def test_another_script_is_refused(own: Corpus, tmp_path: Path) -> None:
    letters = dict(zip("aeiou", "аеиоу", strict=True))
    russian = prose("ana", 30_000).translate(str.maketrans(letters))
    corpus = build_own([written(tmp_path / "a.txt", russian)], "ana")
    with pytest.raises(CorpusError, match=r"\d\d% of the characters of ana are none that the"):
        writable(corpus, TINY_TOKENIZER)


def test_the_command_builds(tmp_path: Path, run: Callable[..., Result]) -> None:
    for number in (1, 2):
        written(tmp_path / f"{number}.txt", prose(str(number), 15_000))
    texts = ("--text", tmp_path / "1.txt", "--text", tmp_path / "2.txt")
    result = run("corpus", "build", *texts, "--author", "Ana", "--out", tmp_path / "data")
    assert result.exit_code == 0, result.output
    assert "characters to train on" in result.stdout
    assert f"litteragpt train --init small --data {tmp_path / 'data'} --out RUN" in result.stdout
    assert json.loads((tmp_path / "data" / "corpus.json").read_text("utf-8"))["author"] == "ana"


def test_command_refuses_invalid_arguments(tmp_path: Path, refused: Callable[..., str]) -> None:
    text = written(tmp_path / "a.txt", prose("ana", 30_000))

    def refusal(*arguments: object) -> str:
        return refused("corpus", "build", "--out", tmp_path / "data", *arguments)

    ana = ("--author", "ana")
    assert "and not both" in refusal()
    assert "and not both" in refusal("reference", "--text", text, *ana)
    assert "--text needs --author NAME" in refusal("--text", text)
    assert "--author goes with --text" in refusal("reference", *ana)
    assert "--source goes with a data set's name" in refusal(
        "--text", text, *ana, "--source", tmp_path
    )
    assert "means something else" in refusal("--text", text, "--author", "all")
    assert f"{tmp_path / 'no.txt'}: No such file" in refusal("--text", tmp_path / "no.txt", *ana)
    assert "Is a directory" in refusal("--text", tmp_path, *ana)
    assert "the file is empty" in refusal("--text", written(tmp_path / "b.txt", ""), *ana)
    assert not (tmp_path / "data").exists()
