"""The command that counts a lexicon, its counts, and the optional dictionary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from model.checkpoint.filenames import LEXICON
from model.checkpoint.lexicon import Lexicon, load_lexicon
from tests.conftest import save_tiny
from tests.lexicons import corpus_of_lines
from training.data.cleaning import CorpusError
from training.data.corpus import Paragraph
from training.data.dictionary import dictionary_forms
from training.data.lexicon import make_lexicon

RULES = """SET UTF-8
FLAG UTF-8
PFX a Y 1
PFX a 0 anti .
SFX R Y 3
SFX R ar aba [^g]ar
SFX R ar o/E ar
SFX R r ndo ar
SFX E Y 1
SFX E 0 me [ao]
SFX S Y 2
SFX S 0 s [aeo]
SFX S z ces z
"""
ENTRIES = "4\namar/RE\nlargar/R\nVoz/S\ncasa/aS\tpo:noun\nA-1\n"


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    (tmp_path / "es.aff").write_text(RULES, "utf-8")
    (tmp_path / "es.dic").write_text(ENTRIES, "utf-8")
    return tmp_path / "es"


def test_the_forms_of_a_dictionary_are_written_out(dictionary: Path) -> None:
    assert dictionary_forms(dictionary) == {
        *("amar", "amaba", "amo", "amome", "amando"),
        *("largar", "largo", "largome", "largando"),
        *("voz", "voces", "casa", "casas"),
    }


def test_invalid_dictionary_is_refused(dictionary: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.aff"):
        dictionary_forms(dictionary.with_name("none"))
    dictionary.with_name("es.aff").write_text("SFX R ar aba [ar\n", "utf-8")
    with pytest.raises(CorpusError, match="hunspell"):
        dictionary_forms(dictionary)
    dictionary.with_name("es.aff").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusError, match="hunspell"):
        dictionary_forms(dictionary)


def written(run: Callable[..., Result], checkpoint: Path, *arguments: object) -> Lexicon:
    """The lexicon that the command has written."""
    done = run("lexicon", checkpoint, *arguments)
    assert done.exit_code == 0, done.output
    assert "lexicon written" in done.stdout
    lexicon = load_lexicon(checkpoint)
    assert lexicon is not None
    return lexicon


def test_the_command_writes_it_beside_the_weights(
    run: Callable[..., Result], tmp_path: Path, corpus_folder: Path, dictionary: Path
) -> None:
    checkpoint, lines = save_tiny(tmp_path / "tiny"), corpus_of_lines(tmp_path / "lines")
    alone = written(run, checkpoint, "--data", lines)
    assert (checkpoint / LEXICON).stat().st_size < 1 << 16
    first = (checkpoint / LEXICON).read_bytes()
    written(run, checkpoint, "--data", lines)
    assert (checkpoint / LEXICON).read_bytes() == first  # the same of the same texts
    more = written(
        run, checkpoint, "--data", lines, "--words", corpus_folder, "--dictionary", dictionary
    )
    assert not alone.knows("largome")
    assert more.knows("largome")
    assert more.styles == alone.styles  # of its training text
    both = written(run, checkpoint, "--data", lines, "--data", corpus_folder)
    assert set(both.styles) > set(alone.styles)


def test_missing_file_is_one_sentence(
    refused: Callable[..., str], tmp_path: Path, corpus_folder: Path
) -> None:
    checkpoint = save_tiny(tmp_path / "tiny")
    (tmp_path / "empty").mkdir()
    assert "config.json" in refused("lexicon", tmp_path / "empty", "--data", corpus_folder)
    assert "corpus.json" in refused("lexicon", checkpoint, "--data", tmp_path / "empty")
    missing = ("--dictionary", tmp_path / "none")
    assert "none.aff" in refused("lexicon", checkpoint, "--data", corpus_folder, *missing)
    assert not (checkpoint / LEXICON).exists()


def paragraph(style: str, work: str, *sentences: str) -> Paragraph:
    return Paragraph(work, style, 0, sentences)


def test_ambiguous_name_belongs_to_no_work() -> None:
    ours = [paragraph("ana", "ours", *["Y aquel día vino Antonio con Zutanilla a casa."] * 5)]
    others = [paragraph("eva", f"work {n}", "Y aquel día vino Antonio a casa.") for n in range(5)]
    assert set(make_lexicon(ours).names) == {"Antonio", "Zutanilla"}
    assert set(make_lexicon(ours, [others]).names) == {"Zutanilla"}


def test_work_in_two_data_sets_is_counted_once() -> None:
    text = paragraph("ana", "ours", "Y no viene, que no viene.")  # two of three that make a verb
    assert not make_lexicon([text], [[text], [text]]).may_be_finite("viene")
    assert make_lexicon([text, text]).may_be_finite("viene")


def test_fine_tuning_keeps_the_lexicon_of_its_checkpoint() -> None:
    old = make_lexicon([paragraph("ana", "old", *["Y no ladra el perro de Zutanilla."] * 25)])
    new = make_lexicon([paragraph("eva", "new", "Mira, otra cosa.")], base=old)
    assert new.styles == ("ana", "eva")
    assert new.names == {"Zutanilla": 0}
    assert new.knows("ladra")
    assert new.knows("otra")
    assert new.may_be_finite("ladra")
    assert new.refused("perro") == old.refused("perro") != 0
    newest = make_lexicon([paragraph("eva", "newest", "Nada.")], base=new)
    assert newest.knows("ladra")


def test_of_endless_texts_a_part_tells_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.lexicon.CHARACTERS", 200)
    texts = [paragraph("ana", f"{n}", f"Texto {n}, que es el número {n}.") for n in range(50)]
    assert make_lexicon(texts).tensors["blocks"].size < 100
