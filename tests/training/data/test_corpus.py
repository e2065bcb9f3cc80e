"""Data sets: the same from the same texts, divided once and for all."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from tests.training.editions import edition, prose
from training.data.cleaning import CorpusError
from training.data.corpus import PARAGRAPH_SENTENCES, Corpus, build, find_work, paragraphs
from training.data.leakage_report import find_leaks
from training.data.works import WORKS

PUBLISHED_VALIDATION = "5434e0ee6c5ad964a8ad46d16ec1510c6af78eab9dd732bf25eb01137b1e654a"


def quiet(work: str) -> None:
    """Report nothing."""


def test_paragraphs_are_twenty_sentences_and_lose_nothing() -> None:
    text = prose("a", 30_000).replace("\n\n", " ")
    parts = paragraphs("work", "style", text)
    assert " ".join(part.text for part in parts) == text
    assert {len(part.sentences) for part in parts[:-1]} == {PARAGRAPH_SENTENCES}
    assert [part.index for part in parts] == list(range(len(parts)))


def test_the_parts_share_no_paragraph_and_hold_every_one(corpus: Corpus) -> None:
    places = [
        {(p.work, p.index) for p in part} for part in (corpus.train, corpus.dev, corpus.validation)
    ]
    assert sum(map(len, places)) == len(set().union(*places))
    assert len(corpus.validation) == round(0.05 * sum(map(len, places)))
    assert {p.work for p in corpus.train} == {
        *("quijote-1", "lazarillo", "marianela", "arbol", "regenta")
    }


def test_building_twice_gives_the_same_bytes(
    editions: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    build("reference", editions, quiet).save(tmp_path)
    for path in corpus_folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_saved_corpus_is_read_back_the_same(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path)
    assert Corpus.load(tmp_path) == corpus


def test_larger_data_sets_are_validated_on_the_same_text(
    editions: Path, corpus: Corpus, tmp_path: Path
) -> None:
    library = shutil.copytree(editions, tmp_path / "library")
    (library / "conssa").mkdir()
    table = "id\tauthor\ttitle\tyear\tauthor_death\tcharacters\n" + "".join(
        f"{novel}\t{author}\tX\t1900\t{death}\t1\n"
        for novel, author, death in (
            ("ne0002", "Galdos", 1920),
            ("ne0325", "Clarin", 1901),  # La Regenta again
            ("ne0700", "Alguien", 1956),  # not in the public domain everywhere
            ("ne0701", "Azorin", 1950),
        )
    )
    (library / "conssa" / "metadata.tsv").write_text(table, "utf-8")
    # A novel that quotes the validation text loses the quotation and nothing else.
    quoted = corpus.validation[0].sentences[3]
    own = prose("novel", 5_000)
    (library / "conssa" / "ne0002.txt").write_text(f"{own}\n\n{quoted}\n", "utf-8")

    five = build("five-works", library, quiet)
    everything = build("all", library, quiet)
    assert five.validation == everything.validation == corpus.validation
    assert five.dev == everything.dev == corpus.dev
    assert {p.work for p in five.train} - {p.work for p in corpus.train} == {"quijote-2"}
    novel = [p for p in everything.train if p.work not in {q.work for q in five.train}]
    assert {(p.work, p.style) for p in novel} == {("conssa-ne0002", "galdos")}
    in_order = sorted(novel, key=lambda p: p.index)
    assert " ".join(p.text for p in in_order) == " ".join(own.split())
    assert everything.facts["sentences_removed_by_leakage_gate"] == 1


def test_a_share_of_the_novels_is_held_back_from_training(
    editions: Path, corpus: Corpus, tmp_path: Path
) -> None:
    library = shutil.copytree(editions, tmp_path / "library")
    (library / "conssa").mkdir()
    rows = ("ne0002\tGaldos\t1920", "ne0003\tValera\t1905")
    table = "\n".join(("id\tauthor\tauthor_death", *rows, ""))
    (library / "conssa" / "metadata.tsv").write_text(table, "utf-8")
    (library / "conssa" / "ne0002.txt").write_text(prose("novel", 60_000), "utf-8")
    (library / "conssa" / "ne0003.txt").write_text("Fue ayer.", "utf-8")
    (held,) = build("all", library, quiet).held

    # What another novel quotes of it is not learned from there either.
    quoted = " ".join(held.sentences[4:6])
    (library / "conssa" / "ne0003.txt").write_text(f"Fue ayer. {quoted} Y ya.", "utf-8")
    everything = build("all", library, quiet)
    assert everything.held == (held,)
    assert everything.facts["characters"]["held"] == len(held.text) + 1
    assert [p.text for p in everything.train if p.work == "conssa-ne0003"] == ["Fue ayer. Y ya."]
    kept = [p for p in everything.train if p.work == "conssa-ne0002"]
    assert sorted(p.index for p in (*kept, held)) == list(range(len(kept) + 1))
    assert find_leaks(everything, []) == []
    assert find_leaks(replace(everything, train=(*everything.train, held)), []) != []
    assert (everything.dev, everything.validation) == (corpus.dev, corpus.validation)

    everything.save(tmp_path / "all")
    assert Corpus.load(tmp_path / "all") == everything
    (tmp_path / "all" / "held.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"held\.jsonl: missing"):
        Corpus.load(tmp_path / "all")


def test_conssa_is_read_from_an_archive_too(editions: Path, tmp_path: Path) -> None:
    library = shutil.copytree(editions, tmp_path / "library")
    with tarfile.open(library / "conssa.tar.xz", "w:xz") as archive:
        for name, content in (
            ("metadata.tsv", "id\tauthor\tauthor_death\nne0002\tGaldos\t1920\n"),
            ("txt/ne0002.txt", prose("novel", 5_000)),
        ):
            member = tarfile.TarInfo(f"conssa/{name}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    assert "conssa-ne0002" in {p.work for p in build("all", library, quiet).train}
    packed = (library / "conssa.tar.xz").read_bytes()
    (library / "conssa.tar.xz").write_bytes(packed[:-100])
    with pytest.raises(CorpusError, match="damaged or not an archive"):
        build("all", library, quiet)


def test_editions_are_found_under_every_name(tmp_path: Path) -> None:
    work = WORKS[0]
    for place in ("pg2000.txt", "2000-0.txt", "gutenberg/2000-8.txt"):
        folder = tmp_path / place.replace("/", "-")
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text(edition(work), "utf-8")
        assert find_work(work, folder) == edition(work).encode()


def test_file_of_another_work_is_named(tmp_path: Path) -> None:
    (tmp_path / "pg2000.txt").write_text(edition(WORKS[1]), "utf-8")
    with pytest.raises(CorpusError, match=r"pg2000\.txt: this is not «Don Quijote»"):
        find_work(WORKS[0], tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("corpus.json", "{", "damaged"),
        ("corpus.json", "[]", "damaged"),
        ("corpus.json", '{"format": "other"}', "not a built corpus"),
        ("corpus.json", '{"format": "litteragpt-corpus-1", "name": "reference"}', "damaged"),
        ("train.jsonl", '{"work": "x"}\n', "damaged"),
        ("train.jsonl", "not json\n", "damaged"),
        (
            "train.jsonl",
            '{"work": "x", "style": "galdos", "index": 0, "sentences": ["Ω."]}\n',
            "not in the vocabulary",
        ),
        (
            "train.jsonl",
            '{"work": "x", "style": "nadie", "index": 0, "sentences": ["a."]}\n',
            "unknown style nadie",
        ),
        ("train.jsonl", None, "missing"),
        ("corpus.json", None, "missing"),
        ("tokenizer.json", None, "missing"),
    ],
)
def test_a_damaged_corpus_is_refused(
    name: str,
    content: str | None,
    said: str,
    corpus_folder: Path,
    tmp_path: Path,
    refused: Callable[..., str],
) -> None:
    folder = shutil.copytree(corpus_folder, tmp_path / "data")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, "utf-8")
    assert said in refused("corpus", "leakage", folder)


def test_the_command_builds(
    editions: Path, corpus_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    result = run("corpus", "build", "reference", "--source", editions, "--out", tmp_path / "data")
    assert result.exit_code == 0, result.output
    assert "characters to train on" in result.stdout
    facts = (tmp_path / "data" / "corpus.json").read_text("utf-8")
    assert json.loads(facts) == json.loads((corpus_folder / "corpus.json").read_text("utf-8"))


def test_command_refuses_invalid_arguments(
    editions: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    out = ("--out", tmp_path / "out")
    assert "reference, five-works, all" in refused("corpus", "build", "x", *out)
    assert "no such folder" in refused("corpus", "build", "all", *out, "--source", tmp_path / "no")
    assert "«Don Quijote» not found" in refused(
        "corpus", "build", "reference", *out, "--source", tmp_path
    )
    assert "neither a folder conssa/" in refused(
        "corpus", "build", "all", *out, "--source", editions
    )
    (tmp_path / "file").write_text("x", "utf-8")
    assert "exists" in refused(
        "corpus", "build", "reference", "--source", editions, "--out", tmp_path / "file"
    )


def test_the_real_reference_is_the_published_one(real_reference: Corpus) -> None:
    total = sum(real_reference.facts["characters"].values())
    assert 3_500_000 < total < 3_560_000
    assert real_reference.facts["sha256_validation"] == PUBLISHED_VALIDATION
    text = " ".join(p.text for p in real_reference.train)
    assert "—" in text
    for leftover in ("_", "[Illustration", "  ", "\t", "\r", "Gutenberg", "--", "*"):
        assert leftover not in text


def test_the_real_five_works_are_validated_on_the_same_text(
    real_reference: Corpus, real_five_works: Corpus
) -> None:
    assert real_five_works.validation == real_reference.validation
    assert sum(real_five_works.facts["characters"].values()) > 4_500_000
    assert {p.text for p in real_five_works.train} > {p.text for p in real_reference.train}
